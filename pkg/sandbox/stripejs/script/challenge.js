// The 3D Secure challenge: the bank's page (here the sandbox's) in a dialog
// over the shop's.

const POLL_MILLISECONDS = 1000;

// runChallenge opens url and resolves with what look() found once the intent
// has moved on. The page says so by message; polling covers a message that
// never comes, and a challenge finished in another tab.
function runChallenge(url, look) {
  return new Promise((resolve) => {
    const { dialog, frame } = openDialog(url);
    const origin = new URL(url).origin;
    let looking = false;
    let done = false;

    async function check() {
      if (looking || done) return;
      looking = true;
      const found = await look();
      looking = false;
      const offline = found.error && found.error.type === 'api_connection_error';
      if (done || offline || (found.paymentIntent && found.paymentIntent.status === 'requires_action')) return;
      done = true;
      clearInterval(timer);
      window.removeEventListener('message', receive);
      dialog.close();
      dialog.remove();
      resolve(found);
    }

    function receive(event) {
      if (event.source !== frame.contentWindow || event.origin !== origin) return;
      if (event.data && event.data.type === 'sandbox:3ds-complete') check();
    }

    window.addEventListener('message', receive);
    const timer = setInterval(check, POLL_MILLISECONDS);
  });
}

// openDialog is a modal: the browser keeps the focus inside and gives it back
// afterwards. Escape does not close it, since the bank still waits for an answer.
function openDialog(url) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-label', 'Card authentication');
  setStyle(dialog, {
    position: 'fixed', inset: '0', width: '100vw', height: '100dvh', 'max-width': 'none', 'max-height': 'none', margin: '0', padding: '16px',
    border: '0', 'box-sizing': 'border-box', background: 'rgba(10, 15, 30, 0.55)', display: 'flex', 'align-items': 'center', 'justify-content': 'center',
    'backdrop-filter': 'blur(2px)',
  });
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  dialog.addEventListener('keydown', (event) => { if (event.key === 'Escape') event.preventDefault(); });

  const frame = document.createElement('iframe');
  frame.name = frameName();
  frame.title = 'Secure 3D Secure authentication frame';
  setStyle(frame, {
    width: '100%', 'max-width': '440px', height: '100%', 'max-height': '440px', border: '0', 'border-radius': '12px', background: '#fff',
    'box-shadow': '0 24px 60px rgba(0, 0, 0, 0.35)', 'color-scheme': 'light',
  });
  frame.src = url;
  dialog.append(frame);
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, frame };
}
