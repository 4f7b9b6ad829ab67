// Last step of the build: compresses every file of dist/, weighs all, and writes dist/assets.list for the embedding.
//
// assets.list, one file a line, tab-separated: path, content type, ETag (without quotes), immutable (1 or 0).
// Beside `path` lie `path.gz` and `path.br` where they are smaller than the file itself.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';

const LIMIT_BYTES = 200 * 1024;
const web = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(web, 'dist');

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else yield path;
  }
}

const files = [...filesBelow(dist)].filter((path) => !/\.(gz|br|list)$|\.sources$/.test(path)).sort();
const lines = [];
let total = 0;
for (const path of files) {
  const name = relative(dist, path).replaceAll('\\', '/');
  const type = TYPES[extname(path)];
  if (!type) throw new Error(`pack: no content type for ${name}`);
  const body = readFileSync(path);
  const brotli = brotliCompressSync(body, {
    params: { [zlib.BROTLI_PARAM_QUALITY]: 11, [zlib.BROTLI_PARAM_SIZE_HINT]: body.length },
  });
  const gzip = gzipSync(body, { level: 9 });
  for (const [suffix, data] of [
    ['.br', brotli],
    ['.gz', gzip],
  ]) {
    if (data.length < body.length) writeFileSync(path + suffix, data);
    else rmSync(path + suffix, { force: true });
  }
  const etag = createHash('sha256').update(body).digest('hex').slice(0, 16);
  const immutable = /^assets\/.+-[\w-]{8}\.\w+$/.test(name);
  const weight = Math.min(body.length, gzip.length);
  total += weight;
  lines.push([name, type, etag, immutable ? 1 : 0].join('\t'));
  console.log(
    `${String(body.length).padStart(8)} ${String(gzip.length).padStart(8)} ${String(brotli.length).padStart(8)}  ${name}`,
  );
}
console.log(`${' '.repeat(9)}${String(total).padStart(8)}${' '.repeat(11)}all, gzip; at most ${LIMIT_BYTES}`);
if (total > LIMIT_BYTES) {
  console.error(`pack: the pages weigh ${total} bytes compressed, more than ${LIMIT_BYTES}`);
  process.exit(1);
}
writeFileSync(join(dist, 'assets.list'), `${lines.join('\n')}\n`);
// What this was built from: scripts/build.sh and CMake skip the build while it matches.
writeFileSync(join(dist, '.sources'), execFileSync('sh', [join(web, 'scripts/sources.sh')]));
