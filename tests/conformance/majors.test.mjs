// Five majors of the official library, from the oldest that shops still run to the newest, do the same with every resource.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { flows, methodOf, methods, ofOurOwn } from './flows.mjs';
import { startKontor, verify } from './kontor.mjs';
import { majors } from './majors.mjs';
import { startReceiver } from './receiver.mjs';

let folder;
let kontor;
let receiver;

before(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'kontor-majors-')), 'data');
  kontor = await startKontor(['--data', folder, '--set', 'webhooks.allow_http=true']);
  receiver = await startReceiver();
});
after(async () => {
  await kontor?.stop();
  await receiver?.stop();
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

test('each route has a method of the library here, or is of our own', () => {
  const { paths } = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'));
  const verbs = ['get', 'post', 'delete'];
  const routes = Object.entries(paths).flatMap(([path, item]) => verbs.filter((verb) => verb in item).map((verb) => `${verb.toUpperCase()} ${path}`));
  assert.deepEqual(routes.filter((route) => !ofOurOwn.some((own) => own.test(route))).sort(), Object.keys(methods).sort());
});

for (const { library, version, lacks } of majors) {
  const called = new Set();
  let stripe;

  test(`version ${version} is what was installed, and lacks what is said`, () => {
    stripe = kontor.stripe({ library });
    assert.match(library.PACKAGE_VERSION, new RegExp(`^${version}\\.`));
    stripe.on('request', ({ method, path }) => called.add(`${method} ${path.split('?')[0]}`));
    assert.deepEqual(Object.values(methods).filter((name) => typeof methodOf(stripe, name) !== 'function'), lacks);
  });

  for (const [name, flow] of Object.entries(flows)) {
    test(`version ${version}: ${name}`, () => flow({ stripe, kontor, receiver, library, name: `version-${version}` }));
  }

  test(`version ${version} called every method that it has`, () => {
    const untouched = Object.entries(methods).filter(([route, name]) => {
      const pattern = new RegExp(`^${route.replace(/\{\w+\}/g, '[^/]+')}$`);
      return !lacks.includes(name) && ![...called].some((request) => pattern.test(request));
    });
    assert.deepEqual(untouched, []);
  });
}

test('the books hold', async () => {
  await kontor.stop();
  const checked = await verify(folder);
  assert.equal(checked.code, 0, JSON.stringify(checked));
});
