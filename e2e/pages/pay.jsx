// A small shop page over Stripe's real packages. The query says how:
// script= a Stripe.js to load by tag (else Stripe's own address), secret=,
// element=payment|card|split|contact, redirect=, theme=, deferred=1.
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  AddressElement, CardCvcElement, CardElement, CardExpiryElement, CardNumberElement, Elements, ExpressCheckoutElement, LinkAuthenticationElement,
  PaymentElement, useElements, useStripe,
} from '@stripe/react-stripe-js';
import { loadStripe } from '@stripe/stripe-js/pure';

const query = new URLSearchParams(window.location.search);
const clientSecret = query.get('secret');
const night = query.get('theme') === 'night';
const cards = { card: CardElement, split: CardNumberElement }[query.get('element')]; // the Element that holds the card

async function loadFrom(url) {
  const script = document.createElement('script');
  script.src = url;
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => reject(new Error('cannot load ' + url));
    document.head.append(script);
  });
  return window.Stripe('pk_test_e2e');
}

const stripePromise = query.get('script') ? loadFrom(query.get('script')) : loadStripe('pk_test_e2e');

const appearance = night
  ? { theme: 'night', variables: { borderRadius: '10px', colorPrimary: '#f5a524' } }
  : { theme: 'stripe' };
const options = query.get('deferred')
  ? { mode: 'payment', amount: 2400, currency: 'usd', appearance }
  : { clientSecret, appearance };

function Checkout() {
  const stripe = useStripe();
  const elements = useElements();
  const [message, setMessage] = useState('');
  const [change, setChange] = useState(null);
  const [ready, setReady] = useState(false);
  const [notes, setNotes] = useState({});
  const setNote = (event) => setNotes((before) => ({ ...before, [event.elementType]: event }));

  async function pay(event) {
    event.preventDefault();
    setMessage('working');
    let result;
    if (cards) {
      result = await stripe.confirmCardPayment(clientSecret, { payment_method: { card: elements.getElement(cards), billing_details: { name: 'Ada Payer' } } });
    } else {
      const submitted = await elements.submit();
      result = submitted.error ? submitted : await stripe.confirmPayment({
        elements,
        clientSecret: query.get('deferred') ? clientSecret : undefined,
        redirect: query.get('redirect') || 'if_required',
        confirmParams: {
          return_url: window.location.origin + '/done',
          ...(query.get('element') !== 'contact' && { payment_method_data: { billing_details: { email: 'ada@example.com' } } }),
        },
      });
    }
    setMessage(result.error ? `error ${result.error.type} ${result.error.code}: ${result.error.message}` : 'paid ' + result.paymentIntent.status);
  }

  const handlers = { onReady: () => setReady(true), onChange: setChange, onLoadError: (e) => setMessage('loaderror ' + e.error.message) };
  return (
    <form onSubmit={pay}>
      <h1>Order 1042</h1>
      <Fields {...handlers} setNote={setNote} />
      <button disabled={!ready}>Pay $24.00</button>
      <output data-testid="message">{message}</output>
      <output data-testid="change" hidden>{JSON.stringify(change)}</output>
      <output data-testid="notes" hidden>{JSON.stringify(notes)}</output>
    </form>
  );
}

function Fields({ setNote, ...handlers }) {
  switch (query.get('element')) {
    case 'card':
      return <div className="card"><CardElement {...handlers} /></div>;
    case 'split':
      return <>
        <div className="card"><CardNumberElement options={{ showIcon: true }} {...handlers} /></div>
        <div className="card"><CardExpiryElement onChange={setNote} /></div>
        <div className="card"><CardCvcElement onChange={setNote} /></div>
      </>;
    case 'contact':
      return <>
        <ExpressCheckoutElement onReady={setNote} onConfirm={() => {}} />
        <LinkAuthenticationElement onChange={setNote} />
        <AddressElement options={{ mode: 'billing', fields: { phone: 'always' } }} onChange={setNote} />
        <PaymentElement {...handlers} />
      </>;
    default:
      return <PaymentElement {...handlers} />;
  }
}

const style = document.createElement('style');
style.textContent = `body{margin:0;font:16px/1.5 system-ui,sans-serif;background:${night ? '#1b1c26' : '#f6f8fb'};color:${night ? '#fff' : '#1a1f36'}}
form{max-width:440px;margin:40px auto;padding:28px;background:${night ? '#242533' : '#fff'};border-radius:14px;box-shadow:0 8px 30px rgba(20,30,60,.08)}
h1{font-size:20px;margin:0 0 18px}button{width:100%;margin-top:20px;padding:12px;border:0;border-radius:8px;background:#0570de;color:#fff;font:inherit;font-weight:600}
.card{border:1px solid ${night ? '#424353' : '#e0e4ec'};border-radius:8px;padding:12px;margin-top:10px}.card.StripeElement--focus,.card .StripeElement--focus{outline:none}output{display:block;margin-top:14px;font-size:14px}output[hidden]{display:none}`;
document.head.append(style);

createRoot(document.getElementById('app')).render(
  window.location.pathname === '/done'
    ? <p data-testid="message">back {query.get('redirect_status')} {query.get('payment_intent')}</p>
    // StrictMode mounts twice, as React does in development.
    : <StrictMode><Elements stripe={stripePromise} options={options}><Checkout /></Elements></StrictMode>,
);
