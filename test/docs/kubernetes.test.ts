/** The manifest of docs/operations.md: YAML, whose fields are those of Kubernetes' API, and whose times fit. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseArguments } from '../../src/cli/program.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** How long the compiler may take, in ms: it is alone on its core seldom. */
const COMPILING = 60_000;

/** Where the types of each kind are. */
const KINDS: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  PodDisruptionBudget: 'policy/v1',
  Service: 'core/v1',
};

// biome-ignore lint/suspicious/noExplicitAny: its type is what is tried
type Manifest = any;

async function manifests(): Promise<Manifest[]> {
  const page = await readFile(join(ROOT, 'docs/operations.md'), 'utf8');
  const [, text = ''] = /^```yaml\n(apiVersion: apps.*?)^```$/ms.exec(page) ?? [];
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

/** What the compiler says of them against the types of the API. */
async function compile(all: readonly Manifest[]): Promise<string> {
  await mkdir(join(ROOT, '.artifacts'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.artifacts/kubernetes-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const lines = all.map((manifest, n) => {
    const type = `import('kubernetes-types/${KINDS[manifest.kind]}.d.ts').${manifest.kind}`;
    return `export const manifest${n}: ${type} = ${JSON.stringify(manifest)};`;
  });
  await writeFile(join(folder, 'manifests.ts'), lines.join('\n'));
  const args = [
    '--noEmit',
    '--ignoreConfig',
    '--strict',
    '--module',
    'nodenext',
    '--types',
    'node',
    join(folder, 'manifests.ts'),
  ];
  return new Promise((resolve, reject) => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFile(process.execPath, [tsc, ...args], { cwd: folder, timeout: COMPILING }, (error, out) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve(out.trim());
    });
  });
}

test('every field is one of the API', { timeout: COMPILING }, async () => {
  const all = await manifests();
  expect(all.map(({ kind, apiVersion }) => [kind, apiVersion])).toEqual([
    ['Deployment', 'apps/v1'],
    ['Service', 'v1'],
    ['PodDisruptionBudget', 'policy/v1'],
  ]);
  expect(await compile(all)).toBe('');
});

test('one that is none would be told', { timeout: COMPILING }, async () => {
  const [deployment] = await manifests();
  deployment.spec.template.spec.terminationGracePeriod = 75;
  expect(await compile([deployment])).toMatch(/terminationGracePeriod/);
});

const SECONDS = 1_000;

test('its flags are flags, its probes are answered, and a pod gets the time that it may need', async () => {
  const [{ spec }] = await manifests();
  const { containers, terminationGracePeriodSeconds, volumes } = spec.template.spec;
  const [{ args, ports, startupProbe, readinessProbe, livenessProbe, volumeMounts }] = containers;
  const given = args.map((arg: string) =>
    arg.replace('$(POD_NAME)', 'mcp-6d4cf56db6-x2k9p').replace('$(POD_IP)', '10.0.0.7'),
  );
  const invocation = parseArguments(['server.js', '--host', '0.0.0.0', ...given], '0.0.0');
  if (invocation.kind !== 'serve') throw new Error(`It is ${invocation.kind}`);
  const { drainDelay = 0, shutdownTimeout = 0, admin, port, adminTokenFile, clusterSecretFile } = invocation.flags;
  expect(terminationGracePeriodSeconds * SECONDS).toBeGreaterThanOrEqual(
    drainDelay + 3 * shutdownTimeout + 5 * SECONDS,
  );
  const probes = [startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet);
  expect(probes).toEqual(['/startupz', '/readyz', '/livez'].map((path) => ({ path, port: 'admin' })));
  expect(ports).toMatchObject([{ containerPort: port }, { containerPort: admin && 'port' in admin && admin.port }, {}]);
  const { periodSeconds, timeoutSeconds, failureThreshold } = readinessProbe;
  expect(drainDelay).toBeGreaterThan((periodSeconds * failureThreshold + timeoutSeconds) * SECONDS);
  const [{ mountPath }] = volumeMounts;
  const secretFiles = [adminTokenFile, ...(clusterSecretFile ?? [])];
  expect(secretFiles).toHaveLength(2);
  expect(secretFiles.every((file) => file?.startsWith(`${mountPath}/`))).toBe(true);
  expect(volumes[0].secret.defaultMode).toBe(0o440);
});
