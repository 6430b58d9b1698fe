// Pictures: the product's own if Stripe has one, else a drawing by lookup key.
import type { ReactNode } from 'react'
import type { Product } from './till'

export function Picture({ product, lookupKey = '' }: { product: Product; lookupKey?: string }) {
  const photo = product.images[0]
  if (photo) return <div className="picture"><img src={photo} alt="" loading="lazy" /></div>
  const known = lookupKey in drawings
  return (
    <div className={`picture ${known ? lookupKey : 'other'}`}>
      <svg viewBox="0 0 200 200" aria-hidden="true">{known ? drawings[lookupKey] : parcel}</svg>
    </div>
  )
}

const drawings: Record<string, ReactNode> = {
  mug: (
    <>
      <ellipse cx="98" cy="168" rx="62" ry="7" fill="#000" opacity=".12" />
      <path d="M134 82h16a24 24 0 0 1 24 24v6a28 28 0 0 1-28 28h-14" fill="none" stroke="#2b3fd6" strokeWidth="13" strokeLinecap="round" />
      <path d="M46 62h94v86a20 20 0 0 1-20 20H66a20 20 0 0 1-20-20z" fill="#fff" />
      <path d="M118 62h22v86a20 20 0 0 1-20 20h-14a20 20 0 0 0 12-18z" fill="#e9ecf8" />
      <path d="M40 62a6 6 0 0 1 6-6h94a6 6 0 0 1 0 12H46a6 6 0 0 1-6-6z" fill="#2b3fd6" />
      <path d="M70 104h44a22 22 0 0 1-44 0z" fill="#ff7a59" />
      <path d="M78 42c-7-8 7-12 0-20M104 42c-7-8 7-12 0-20" fill="none" stroke="#fff" strokeWidth="5" strokeLinecap="round" opacity=".8" />
    </>
  ),
  tee: (
    <>
      <ellipse cx="100" cy="178" rx="58" ry="6" fill="#000" opacity=".12" />
      <path d="M74 34 40 50 18 88l28 16 10-14v84h88V90l10 14 28-16-22-38-34-16c-4 12-14 18-26 18s-22-6-26-18z" fill="#fff" />
      <path d="M126 34c-4 12-14 18-26 18s-22-6-26-18l-8 4c5 16 18 25 34 25s29-9 34-25z" fill="#2b3fd6" />
      <path d="M144 90v84h-16V84l16-12z" fill="#e4ebfa" />
      <path d="M72 96h48a24 24 0 0 1-48 0z" fill="#ffc93d" />
    </>
  ),
  poster: (
    <>
      <path d="M50 26h106v150H50z" fill="#000" opacity=".12" />
      <path d="M44 20h106v150H44z" fill="#fff" />
      <path d="M54 30h86v104H54z" fill="#bcd7ff" />
      <circle cx="112" cy="62" r="18" fill="#ff7a59" />
      <path d="M54 134v-30c14-16 26-18 40-6s26 10 46-12v48z" fill="#2b3fd6" />
      <path d="M54 134v-14c20-12 34-10 50-2s24 4 36-4v20z" fill="#1a237e" />
      <path d="M62 146h52M62 157h32" stroke="#1a237e" strokeWidth="5" strokeLinecap="round" />
    </>
  ),
}

const parcel = (
  <>
    <ellipse cx="100" cy="170" rx="62" ry="7" fill="#000" opacity=".12" />
    <path d="M44 70h112v92a8 8 0 0 1-8 8H52a8 8 0 0 1-8-8z" fill="#fff" />
    <path d="M36 50a6 6 0 0 1 6-6h116a6 6 0 0 1 6 6v24H36z" fill="#e4e8f4" />
    <path d="M88 44h24v126H88z" fill="#2b3fd6" opacity=".85" />
  </>
)

export function Jar() {
  return (
    <svg className="jar" viewBox="0 0 100 100" aria-hidden="true">
      <path d="M28 30h44v8c8 4 12 10 12 20v22a12 12 0 0 1-12 12H28a12 12 0 0 1-12-12V58c0-10 4-16 12-20z" fill="#fff" opacity=".85" />
      <path d="M16 66c20-8 46 8 68-2v16a12 12 0 0 1-12 12H28a12 12 0 0 1-12-12z" fill="#ffc93d" />
      <rect x="24" y="22" width="52" height="10" rx="5" fill="#2b3fd6" />
      <circle cx="52" cy="12" r="8" fill="#ffc93d" stroke="#e0a400" strokeWidth="2" />
    </svg>
  )
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#2b3fd6" /><path d="M7 12h18a9 9 0 0 1-18 0z" fill="#ffd65a" />
    </svg>
  )
}
