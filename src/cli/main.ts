#!/usr/bin/env node
/** The command `mcp-session-supervisor`. */
import { run } from './run.ts';

run(process.argv.slice(2));
