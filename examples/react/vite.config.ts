import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  base: './', // the build runs under any path: Till's demo serves it under /
  plugins: [react()],
  build: { target: 'es2022' },
})
