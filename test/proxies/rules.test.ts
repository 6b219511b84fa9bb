/** The alerts of docs/operations/ and the queries of the dashboard, as Prometheus reads them, over made-up numbers. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { block, DOCS } from './documented.ts';

const ALERTS = join(DOCS, 'operations/alerts.yml');

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'rules-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

function promtool(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    execFile('promtool', args, { timeout: 20_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), said: `${out}${err}` });
    });
  });
}

test('Prometheus reads the alerts: six rules', async () => {
  expect(await promtool('check', 'rules', ALERTS)).toEqual({
    code: 0,
    said: expect.stringContaining('SUCCESS: 6 rules found'),
  });
});

test('Prometheus reads every query of the dashboard', async () => {
  const { panels } = JSON.parse(await readFile(join(DOCS, 'operations/dashboard.json'), 'utf8')) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const rules = queries.map((expr, n) => ({
    record: `panel:${n}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/"\$\w+"/g, '".*"'),
  }));
  const file = join(await folder(), 'queries.yml');
  await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }));
  expect(await promtool('check', 'rules', file)).toEqual({
    code: 0,
    said: expect.stringContaining(`SUCCESS: ${queries.length} rules found`),
  });
});

test('Prometheus reads the lines that scrape the nodes', async () => {
  const path = await folder();
  await writeFile(join(path, 'mcp-alerts.yml'), await readFile(ALERTS));
  const config = block('alerts', 'yaml', 'scrape_configs').replace(
    '/etc/prometheus/mcp-alerts.yml',
    join(path, 'mcp-alerts.yml'),
  );
  await writeFile(join(path, 'prometheus.yml'), config);
  expect(await promtool('check', 'config', join(path, 'prometheus.yml'))).toMatchObject({ code: 0 });
});

const NODE = 'job="mcp", instance="127.0.0.1:9464"';

/** Two hours, a number a minute. */
const quiet = '0x120';
const each = (value: number): string => `${value}x120`;
const rising = (step: number): string => `0+${step}x120`;

/** What is measured, and whether the alert goes off within the hour. */
const CASES: Readonly<
  Record<string, readonly (readonly [series: Readonly<Record<string, string>>, fires: boolean])[]>
> = {
  McpNodeDown: [
    [{ [`up{${NODE}}`]: '1x10 0x110' }, true],
    [{ [`up{${NODE}}`]: each(1) }, false],
    [{ 'up{job="other", instance="a"}': each(0) }, false],
  ],
  McpNobodyGetsIn: [
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="full"}`]: rising(10) }, true],
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="bodiesFull"}`]: rising(10) }, true],
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="sessionNotFound"}`]: rising(10) }, false],
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="full"}`]: '0x20 1x100' }, false],
  ],
  McpStoreUnavailable: [
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="storeUnavailable"}`]: rising(1) }, true],
    [{ [`mcp_supervisor_refusals_total{${NODE}, refusal="storeUnavailable"}`]: quiet }, false],
  ],
  McpServersFail: [
    [
      {
        [`mcp_supervisor_refusals_total{${NODE}, refusal="serverFailed"}`]: rising(1),
        [`mcp_supervisor_session_ended_total{${NODE}, reason="crashed"}`]: quiet,
      },
      true,
    ],
    [
      {
        [`mcp_supervisor_refusals_total{${NODE}, refusal="serverFailed"}`]: quiet,
        [`mcp_supervisor_session_ended_total{${NODE}, reason="crashed"}`]: rising(1),
      },
      true,
    ],
    [
      {
        [`mcp_supervisor_refusals_total{${NODE}, refusal="serverFailed"}`]: '0x30 2x90',
        [`mcp_supervisor_session_ended_total{${NODE}, reason="idle"}`]: rising(100),
        [`mcp_supervisor_session_ended_total{${NODE}, reason="crashed"}`]: quiet,
      },
      false,
    ],
  ],
  McpNodeOutOfCluster: [
    [{ [`mcp_supervisor_node_state{${NODE}, state="waiting"}`]: each(1) }, true],
    [{ [`mcp_supervisor_node_fenced_total{${NODE}}`]: rising(1) }, true],
    [
      {
        [`mcp_supervisor_node_state{${NODE}, state="waiting"}`]: quiet,
        [`mcp_supervisor_node_state{${NODE}, state="member"}`]: each(1),
        [`mcp_supervisor_node_fenced_total{${NODE}}`]: quiet,
      },
      false,
    ],
  ],
  McpSessionsGone: [
    [
      {
        [`mcp_supervisor_refusals_total{${NODE}, refusal="sessionNotFound"}`]: rising(300),
        [`mcp_supervisor_session_opened_total{${NODE}}`]: rising(60),
      },
      true,
    ],
    [
      {
        [`mcp_supervisor_refusals_total{${NODE}, refusal="sessionNotFound"}`]: rising(30),
        [`mcp_supervisor_session_opened_total{${NODE}}`]: rising(60),
      },
      false,
    ],
  ],
};

describe('the alerts', async () => {
  const { groups } = parse(await readFile(ALERTS, 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[];
  };

  test.each(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)))(
    '%s goes off when it should',
    async (alert) => {
      const cases = CASES[alert] ?? [];
      expect(new Set(cases.map(([, fires]) => fires))).toEqual(new Set([true, false]));
      for (const [series, fires] of cases) {
        const seen = await promtool('test', 'rules', await testFile(alert, series));
        // Promtool is told of no alert, so what it finds is what is wrong.
        expect({ series, fires: seen.code !== 0 && seen.said.includes(`alertname="${alert}"`) }).toEqual({
          series,
          fires,
        });
      }
    },
  );
});

async function testFile(alertname: string, series: Readonly<Record<string, string>>): Promise<string> {
  const file = join(await folder(), 'test.yml');
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  const tests = [{ interval: '1m', input_series, alert_rule_test: [{ eval_time: '1h', alertname, exp_alerts: [] }] }];
  await writeFile(file, stringify({ rule_files: [ALERTS], evaluation_interval: '1m', tests }));
  return file;
}
