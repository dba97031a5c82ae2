const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * One plain address `local@domain` as an SMTP server takes it (RFC 5321 dot-string, a domain of at least two labels, 254
 * octets). Display names, comments, quoting, lists, address literals and every control character are refused.
 */
export function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, at);
  const labels = text.slice(at + 1).split('.');
  return (
    at > 0 &&
    text.length <= 254 &&
    local.length <= 64 &&
    LOCAL.test(local) &&
    labels.length >= 2 &&
    labels.every((label) => LABEL.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/** Whether the text may stand in a header: no line break of any kind, no other control character, at most 500 characters. */
export function isHeaderText(text: string): boolean {
  // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it looks for
  return text.length <= 500 && !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}
