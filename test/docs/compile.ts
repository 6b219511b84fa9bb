/** Compiles examples, of pages and of docstrings, as strictly as our own code. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a block without imports takes as given, because an earlier one or the text around it says where it is from. */
const GIVEN = `
import type { Express } from 'express';
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js';
import type { ServerFactory, SessionSupervisor } from 'mcp-session-supervisor';
export { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
export { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
export { serveAdmin } from 'mcp-session-supervisor/admin';
export { serveInspector } from 'mcp-session-supervisor/inspector';
export { toCorsMiddleware } from 'mcp-session-supervisor/node';
export { toNodeHandler } from 'mcp-session-supervisor/node';
export declare const app: Express;
export declare const supervisor: SessionSupervisor;
export declare const id: string;
export declare const server: ServerFactory;
export declare const verifier: OAuthTokenVerifier;
export declare function verify(token: string): Promise<{ iss: string; sub: string; client_id: string; exp: number }>;
`;

/** How long the compiler may take, in ms: it is alone on its core seldom. */
export const COMPILING = 60_000;

/**
 * Compiles blocks against the sources; what the compiler says. A block that imports something is a program, and given
 * nothing, unless `always`: then it is given whatever it does not declare.
 */
export async function compile(blocks: Readonly<Record<string, string>>, { always = false } = {}): Promise<string> {
  await mkdir(join(ROOT, '.artifacts'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.artifacts/docs-'));
  try {
    const names = [...GIVEN.matchAll(/^export (?:\{ (\w+) \}|declare \w+ (\w+))/gm)].map(([, a, b]) => a ?? b);
    await writeFile(join(folder, 'given.ts'), GIVEN);
    for (const [name, code] of Object.entries(blocks)) {
      const lacks = names.filter((given) => given !== undefined && !declares(code, given));
      const given = /^import /m.test(code) && !always ? '' : `import { ${lacks.join(', ')} } from './given.ts';\n`;
      await writeFile(join(folder, `${name}.ts`), `${given}${code}`);
    }
    const config = {
      extends: relative(folder, join(ROOT, 'tsconfig.json')),
      compilerOptions: { noUnusedLocals: false },
      include: ['*.ts'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    return await new Promise((resolve, reject) => {
      execFile(process.execPath, [tsc, '-p', folder], { cwd: folder, timeout: COMPILING }, (error, out) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve(out.trim());
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Whether code imports or declares a name by itself. */
function declares(code: string, name: string): boolean {
  return new RegExp(`(?:const|import)\\s+(?:${name}\\b|[{[][^}\\]]*\\b${name}\\b)`).test(code);
}
