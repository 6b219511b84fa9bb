/** Loaded into a process before its program (`--import`): it collects its garbage when it gets SIGUSR2. */
import { collect } from './listen.ts';

process.on('SIGUSR2', () => void collect());
