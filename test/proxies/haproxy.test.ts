/** The command behind Debian's haproxy. */
import { describeProxy } from './proxyCases.ts';

describeProxy('haproxy');
