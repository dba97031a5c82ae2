/**
 * What a demo script says of itself, one JSON object a line: `{"kind": "status", "sent": N, "faults": {"late": N, …}}`.
 * As a line for people; undefined for anything else.
 */
export function demoCounts(line: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== 'status') return undefined;
  const { sent, faults } = value as { readonly sent?: unknown; readonly faults?: unknown };
  if (typeof sent !== 'number' || typeof faults !== 'object' || faults === null) return undefined;
  const counts = Object.entries(faults).map(([name, count]) => `${name} ${String(count)}`);
  return `sent ${sent} events, on purpose among them: ${counts.join(', ')}`;
}
