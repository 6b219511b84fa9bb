// @ts-check
import { useV2Client } from './sdkV2Client.js';

export const connect = useV2Client('sdk-v2-auto', 'auto');
