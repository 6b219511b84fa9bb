/** The command behind Debian's caddy. */
import { describeProxy } from './proxyCases.ts';

describeProxy('caddy');
