/**
 * `npm run docs:diagrams` draws the statecharts into docs/sessions.md and ARCHITECTURE.md; with `-- --check` it changes nothing
 * and fails when they are not what the machines say.
 */
import { readFile, writeFile } from 'node:fs/promises';
import {
  childMachine,
  listenMachine,
  nodeMachine,
  partitionMachine,
  sessionMachine,
  supervisorMachine,
} from 'mcp-session-supervisor/machines';
import { fillIn } from './markers.ts';
import { stateDiagram } from './stateDiagram.ts';

const ROOT = new URL('../../', import.meta.url);
const FILES = ['docs/sessions.md', 'ARCHITECTURE.md'];
const DIAGRAMS = {
  session: stateDiagram(sessionMachine),
  'session with actions': stateDiagram(sessionMachine, { actions: true }),
  supervisor: stateDiagram(supervisorMachine, { actions: true }),
  partition: stateDiagram(partitionMachine, { actions: true }),
  child: stateDiagram(childMachine, { actions: true }),
  listen: stateDiagram(listenMachine, { actions: true }),
  node: stateDiagram(nodeMachine, { actions: true }),
};

const check = process.argv.includes('--check');
for (const file of FILES) {
  const path = new URL(file, ROOT);
  const before = await readFile(path, 'utf8');
  const after = fillIn(before, DIAGRAMS);
  if (after === before) continue;
  if (check) {
    console.error(`${file}: a diagram is not what its machine says; npm run docs:diagrams draws it anew`);
    process.exitCode = 1;
  } else {
    await writeFile(path, after);
    console.log(`${file}: drawn anew`);
  }
}
