// Starts the real binary for a test and ends it again: by its process id, nothing else.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import Stripe from 'stripe';

const binary = process.env.KONTOR_BINARY;
const readyWithinMs = 30_000;

/** Runs `kontor dev --json --serve-only`; resolves with its ready line and what a test needs to talk to it. */
export async function startKontor(extra = []) {
  const child = spawn(binary, ['dev', '--json', '--serve-only', '--port', '0', ...extra], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ready = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('kontor was not ready in time')), readyWithinMs);
    child.once('exit', (code) => reject(new Error(`kontor ended with ${code} before it was ready`)));
    lines.on('line', (line) => {
      const event = JSON.parse(line);
      if (event.event === 'ready') {
        clearTimeout(timer);
        resolve(event);
      }
    });
  });
  const url = new URL(ready.url);
  const ca = readFileSync(ready.ca_file);
  return {
    ...ready,
    port: Number(url.port),
    ca,
    pid: child.pid,
    child,
    /** The official library, configured as a merchant would: the newest, or the major `library`. */
    stripe({ library = Stripe, ...options } = {}) {
      return new library(options.key ?? ready.test_key, {
        host: url.hostname,
        port: Number(url.port),
        protocol: 'https',
        httpAgent: new https.Agent({ ca, keepAlive: true, maxSockets: 32 }),
        telemetry: false,
        ...options.config,
      });
    },
    async stop() {
      if (child.exitCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** `kontor verify --json` of a data folder, on a running or a stopped node. */
export async function verify(dataFolder) {
  try {
    const { stdout } = await promisify(execFile)(binary, ['verify', '--data', dataFolder, '--json']);
    return { code: 0, ...JSON.parse(stdout) };
  } catch (error) {
    return { code: error.code, ...(error.stdout ? JSON.parse(error.stdout) : {}) };
  }
}

/** One request without the library: for what the library would never send. */
export function rawRequest(kontor, { method = 'GET', path, headers = {}, body }) {
  return new Promise((resolve, reject) => {
    const request = https.request(
      { host: '127.0.0.1', port: kontor.port, ca: kontor.ca, method, path, headers, agent: false },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
            get json() {
              return JSON.parse(this.text);
            },
          }),
        );
      },
    );
    request.on('error', reject);
    if (body !== undefined) request.write(body);
    request.end();
  });
}

/** Runs `tasks` in `workers` concurrent workers; results in order. */
export async function inWorkers(workers, tasks) {
  const results = new Array(tasks.length);
  let next = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (next < tasks.length) {
        const mine = next++;
        results[mine] = await tasks[mine]();
      }
    }),
  );
  return results;
}
