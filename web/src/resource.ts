// Data of a page: loads when the key changes, keeps what it has while it loads again, and says what went wrong.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, isAbort } from './api/client.ts';
import { liveGeneration } from './api/live.ts';

export interface Resource<T> {
  data: T | null;
  error: ApiError | null;
  loading: boolean;
  reload: () => void;
  set: (change: (data: T) => T) => void;
}

interface State<T> {
  key: string;
  data: T | null;
  error: ApiError | null;
  loading: boolean;
}

export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<State<T>>({ key, data: null, error: null, loading: true });
  const [generation, setGeneration] = useState(0);
  const loader = useRef(load);
  loader.current = load;

  // Generation is what reload() changes
  useEffect(() => {
    const stop = new AbortController();
    setState((old) => ({ key, data: old.key === key ? old.data : null, error: null, loading: true }));
    loader.current(stop.signal).then(
      (data) => {
        if (!stop.signal.aborted) setState({ key, data, error: null, loading: false });
      },
      (error: unknown) => {
        if (stop.signal.aborted || isAbort(error)) return;
        const known = error instanceof ApiError ? error : new ApiError(0, 'bug', String(error));
        setState((old) => ({ ...old, error: known, loading: false }));
      },
    );
    return () => stop.abort();
  }, [key, generation]);

  const reload = useCallback(() => setGeneration((old) => old + 1), []);
  const set = useCallback(
    (change: (data: T) => T) =>
      setState((old) => (old.data === null ? old : { ...old, data: change(old.data) })),
    [],
  );
  // In the render right after a change of key the state is still that of the old one.
  const current = state.key === key;
  return {
    data: current ? state.data : null,
    error: current ? state.error : null,
    loading: current ? state.loading : true,
    reload,
    set,
  };
}

// The stream was away and is back: what it would have told in between is asked for.
export function useReloadAfterSilence(reload: () => void): void {
  const generation = liveGeneration.value;
  const seen = useRef(generation);
  useEffect(() => {
    if (seen.current === generation) return;
    seen.current = generation;
    reload();
  }, [generation, reload]);
}
