// Asks when the component appears and whenever `deps` change; keeps the last answer meanwhile.
import { useCallback, useEffect, useState, type DependencyList } from 'react'

export interface Answer<T> {
  data?: T
  error?: Error
  retry: () => void
}

export function useAnswer<T>(request: (signal: AbortSignal) => Promise<T>, deps: DependencyList): Answer<T> {
  const [state, setState] = useState<{ data?: T; error?: Error }>({})
  const [tries, setTries] = useState(0)

  useEffect(() => {
    const gone = new AbortController()
    request(gone.signal).then(
      (data) => gone.signal.aborted || setState({ data }),
      (error: Error) => gone.signal.aborted || setState((last) => ({ ...last, error })),
    )
    return () => gone.abort()
  }, [...deps, tries])

  const retry = useCallback(() => {
    setState((last) => ({ ...last, error: undefined }))
    setTries((n) => n + 1)
  }, [])
  return { ...state, retry }
}
