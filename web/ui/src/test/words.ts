// All words, as the screens that need them load them.
import { beforeAll } from 'vitest';
import { loadWords } from '../lib/i18n/i18n.svelte';

if (typeof document !== 'undefined') beforeAll(loadWords);
