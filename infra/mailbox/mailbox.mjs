/** Shows the list anew when a mail has come. */
const list = document.querySelector('main[data-newest]');
if (list !== null) {
  setInterval(async () => {
    const response = await fetch(`${location.pathname.replace(/\/$/, '')}/api/mails?limit=1`).catch(() => undefined);
    const mails = response?.ok ? await response.json() : [];
    if (mails.length > 0 && String(mails[0].id) !== list.dataset.newest) location.reload();
  }, 2000);
}
