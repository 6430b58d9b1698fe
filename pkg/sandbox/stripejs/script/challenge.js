// What the payer does without leaving the shop: a page of the bank's or the
// wallet's (here the sandbox's) in a dialog over the shop's.

const POLL_MILLISECONDS = 1000;

/** @typedef {{label: string, title: string, height: number, closes: boolean}} DialogKind closes is the payer's right to leave it open */
/** @type {DialogKind} */
const CHALLENGE = { label: 'Card authentication', title: 'Secure 3D Secure authentication frame', height: 440, closes: false };
/** @type {DialogKind} */
const CODE = { label: 'Code to scan', title: 'Secure QR code frame', height: 600, closes: true };
/** @type {DialogKind} */
const VOUCHER = { label: 'Voucher', title: 'Secure voucher frame', height: 520, closes: true };

/**
 * showAction opens url and resolves with what look() found once the intent has
 * moved on, or the payer has closed the dialog. The page says so by message;
 * polling covers a message that never comes, and what was done on another device.
 * @param {string} url @param {DialogKind} kind @param {() => Promise<{error?: any, intent?: any}>} look
 * @returns {Promise<{error?: any, intent?: any}>}
 */
function showAction(url, kind, look) {
  return new Promise((resolve) => {
    const { dialog, frame } = openDialog(url, kind);
    const origin = new URL(url).origin;
    let looking = false;
    let closed = false;
    let done = false;

    async function check() {
      if (looking || done) return;
      looking = true;
      const found = await look();
      looking = false;
      const offline = found.error && found.error.type === 'api_connection_error';
      const waits = offline || (found.intent && found.intent.status === 'requires_action');
      if (done || (waits && !closed)) return;
      done = true;
      clearInterval(timer);
      window.removeEventListener('message', receive);
      dialog.close();
      dialog.remove();
      resolve(found);
    }

    function receive(event) {
      if (event.source !== frame.contentWindow || event.origin !== origin) return;
      if (event.data && ['sandbox:3ds-complete', 'sandbox:action-complete'].includes(event.data.type)) check();
    }

    function close() {
      closed = true;
      check();
    }

    window.addEventListener('message', receive);
    dialog.addEventListener('close', close);
    const timer = setInterval(check, POLL_MILLISECONDS);
  });
}

/**
 * openDialog is a modal: the browser keeps the focus inside and gives it back
 * afterwards. Escape does not close a challenge, since the bank still waits for an answer.
 * @param {string} url @param {DialogKind} kind
 */
function openDialog(url, { label, title, height, closes }) {
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-label', label);
  setStyle(dialog, {
    position: 'fixed', inset: '0', width: '100vw', height: '100dvh', 'max-width': 'none', 'max-height': 'none', margin: '0', padding: '16px',
    border: '0', 'box-sizing': 'border-box', background: 'rgba(10, 15, 30, 0.55)', display: 'flex', 'align-items': 'center', 'justify-content': 'center',
    'backdrop-filter': 'blur(2px)',
  });
  if (!closes) {
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.addEventListener('keydown', (event) => { if (event.key === 'Escape') event.preventDefault(); });
  }

  const frame = document.createElement('iframe');
  frame.name = frameName();
  frame.title = title;
  setStyle(frame, {
    width: '100%', 'max-width': '440px', height: '100%', 'max-height': height + 'px', border: '0', 'border-radius': '12px', background: '#fff',
    'box-shadow': '0 24px 60px rgba(0, 0, 0, 0.35)', 'color-scheme': 'light',
  });
  frame.src = framed(url);
  dialog.append(frame);
  if (closes) dialog.append(closeButton(dialog));
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, frame };
}

// framed tells the page that it must not send the payer on: it is not all that
// they see, and the shop goes on by itself.
function framed(url) {
  const to = new URL(url);
  to.searchParams.set('embedded', '1');
  return to.href;
}

/** @param {HTMLDialogElement} dialog */
function closeButton(dialog) {
  const button = document.createElement('button');
  button.type = 'button';
  button.autofocus = true; // Escape is heard here, and not in the frame
  button.textContent = '×';
  button.setAttribute('aria-label', 'Close');
  setStyle(button, {
    position: 'absolute', top: '12px', right: '12px', width: '40px', height: '40px', padding: '0', border: '0', 'border-radius': '20px',
    background: 'rgba(255, 255, 255, 0.92)', color: '#1a1f36', font: '24px/1 system-ui, sans-serif', cursor: 'pointer',
  });
  button.addEventListener('click', () => dialog.close());
  return button;
}
