/** The operator's listener, where the command line asks for one. */
import type { Admin, AdminOptions } from '../admin/index.ts';
import type { SessionSupervisor } from '../index.ts';
import { CommandFailure, describeError, EXIT_FAILURE, EXIT_USAGE, isSupervisorError } from './failure.ts';
import type { Flags } from './flags.ts';
import type { Journal } from './journal.ts';

/** What the options are called here. */
const FLAGS: readonly (readonly [option: RegExp, flag: string])[] = [
  [/^token, or tokenFile,/, '--admin-token-file'],
  [/^tokenFile\b/, '--admin-token-file'],
  [/^path\b/, 'the path of --admin'],
];

/**
 * Serves what `--admin` asks for; `drain` is called for `POST /drain`.
 * @throws {CommandFailure} where it can't be, or its token can't be read.
 */
export async function administer(
  supervisor: SessionSupervisor,
  flags: Flags,
  journal: Journal,
  drain: () => void,
): Promise<Admin | undefined> {
  const { admin: place, adminTokenFile, adminAllowChanges, adminAllowedHosts, adminInspector } = flags;
  if (place === undefined) return undefined;
  // Loaded only where it is wanted.
  const { serveAdmin } = await import('../admin/index.ts');
  const options: AdminOptions = {
    ...place,
    tokenFile: adminTokenFile,
    allowChanges: adminAllowChanges,
    allowedHosts: adminAllowedHosts,
    inspector: adminInspector,
    logger: journal.write,
    drain,
  };
  try {
    return await serveAdmin(supervisor, options);
  } catch (error) {
    const isFailure = isSupervisorError(error) && error.code === 'CANNOT_LISTEN';
    throw new CommandFailure(
      `cannot serve --admin: ${named(describeError(error))}`,
      isFailure ? EXIT_FAILURE : EXIT_USAGE,
      {
        cause: error,
      },
    );
  }
}

function named(message: string): string {
  const short = message.replace(/^The admin can't listen: /, '');
  return FLAGS.reduce((text, [option, flag]) => text.replace(option, flag), short);
}

/** What the greeting says of it: where it is, and the token where nobody else knows that. */
export interface AdminAnnouncement {
  readonly address: string;
  /** Undefined where it is in a file. */
  readonly token: string | undefined;
  /** Where the page is; undefined without one. */
  readonly inspectorUrl: string | undefined;
}

export function adminAnnouncement(admin: Admin | undefined, flags: Flags): AdminAnnouncement | undefined {
  if (admin === undefined) return undefined;
  const { url, address, inspectorUrl, token } = admin;
  const isPrinted = flags.adminTokenFile === undefined;
  return {
    address: url ?? address,
    token: isPrinted ? token : undefined,
    inspectorUrl: isPrinted ? inspectorUrl : inspectorUrl?.replace(token, '<token>'),
  };
}
