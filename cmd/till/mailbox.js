// Looks for new mail every five seconds. The list is touched only when there is
// some, so that nobody loses their place in it, as with a reload.
setInterval(async () => {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('main');
  const list = document.querySelector('main');
  if (fresh && fresh.innerHTML !== list.innerHTML) list.innerHTML = fresh.innerHTML;
}, 5000);
