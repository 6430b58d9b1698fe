import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './App'
import './styles.css'

// A bank's redirect brings back "?payment_intent_client_secret=…": keep it out of the address bar.
if (location.search) history.replaceState(null, '', location.pathname + location.hash)

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
