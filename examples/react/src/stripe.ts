// Stripe.js comes from Stripe, or from the sandbox's origin while Till runs on its sandbox.
import type { Appearance, Stripe, StripeConstructor } from '@stripe/stripe-js'
import { loadStripe } from '@stripe/stripe-js/pure'
import { useEffect, useState } from 'react'
import type { Config } from './till'

declare global {
  interface Window {
    Stripe?: StripeConstructor
  }
}

let loaded: Promise<Stripe | null> | undefined

/** One Stripe for the page. A failed load is forgotten, so that it can be tried again. */
export function stripeFor(config: Config): Promise<Stripe | null> {
  loaded ??= (config.stripeJsUrl
    ? loadStripeFrom(config.stripeJsUrl, config.publishableKey)
    : loadStripe(config.publishableKey)
  ).catch((cause: unknown) => {
    loaded = undefined
    throw new Error('The card form can’t be loaded. Please check your connection.', { cause })
  })
  return loaded
}

function loadStripeFrom(url: string, publishableKey: string): Promise<Stripe> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = url
    script.onload = () =>
      window.Stripe ? resolve(window.Stripe(publishableKey)) : reject(new Error(`No Stripe.js at ${url}`))
    script.onerror = () => {
      script.remove()
      reject(new Error(`Can't load ${url}`))
    }
    document.head.append(script)
  })
}

const dark = matchMedia('(prefers-color-scheme: dark)')

/** The Payment Element lives in Stripe's frame, where our stylesheet ends: hand over its colours, of day or night. */
export function useAppearance(): Appearance {
  const [now, set] = useState(appearance)
  useEffect(() => {
    const change = () => set(appearance())
    dark.addEventListener('change', change)
    return () => dark.removeEventListener('change', change)
  }, [])
  return now
}

function appearance(): Appearance {
  const css = getComputedStyle(document.documentElement)
  const color = (name: string) => css.getPropertyValue(`--${name}`).trim()
  return {
    theme: dark.matches ? 'night' : 'stripe',
    variables: {
      colorPrimary: color('accent'),
      colorBackground: color('surface'),
      colorText: color('ink'),
      colorTextSecondary: color('muted'),
      colorTextPlaceholder: color('muted'),
      colorDanger: color('danger'),
      fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
      borderRadius: '10px',
      spacingUnit: '4px',
    },
  }
}
