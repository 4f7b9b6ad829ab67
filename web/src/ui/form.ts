// One submission at a time, its failure kept for showing.

import { useState } from 'preact/hooks';
import { ApiError } from '../api/client.ts';

export interface Submission {
  busy: boolean;
  error: ApiError | null;
  run: (work: () => Promise<void>) => Promise<void>;
  clear: () => void;
}

export function useSubmission(): Submission {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const run = async (work: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await work();
    } catch (failure) {
      setError(failure instanceof ApiError ? failure : new ApiError(0, 'bug', String(failure)));
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}
