/** The supervisor's own defaults, where the command speaks of them; durations in ms. */
export const DEFAULT_IDLE_TIMEOUT = 1_800_000;
export const DEFAULT_SHUTDOWN_TIMEOUT = 10_000;
export const DEFAULT_INITIALIZE_TIMEOUT = 60_000;
export const DEFAULT_MODERN = 'refuse';
