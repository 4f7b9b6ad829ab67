// Who is signed in. undefined: not known yet; null: nobody.

import { signal } from '@preact/signals';
import type { Session } from './api/schema.ts';

export const session = signal<Session | null | undefined>(undefined);
