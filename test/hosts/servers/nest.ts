// NestJS 12 on Express, with its own body parser.
import 'reflect-metadata';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { All, Controller, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { toNodeHandler } from 'mcp-session-supervisor/node';
import { supervisor } from './supervisor.js';

const handle = toNodeHandler(supervisor);

@Controller('mcp')
class McpController {
  @All()
  answer(@Req() request: IncomingMessage, @Res() response: ServerResponse): Promise<void> {
    return handle(request, response); // the answer is the supervisor's, because of @Res()
  }
}

@Module({ controllers: [McpController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
