/** The command behind Debian's nginx. */
import { describeProxy } from './proxyCases.ts';

describeProxy('nginx');
