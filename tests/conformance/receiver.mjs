// A merchant's webhook receiver: HTTPS on loopback with kontor's own dev certificate, or plain HTTP.
import http from 'node:http';

/** Collects deliveries; `reply(delivery)` gives the status to answer with. */
export async function startReceiver(reply = () => 200) {
  const deliveries = [];
  const waiting = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const delivery = { raw: Buffer.concat(chunks), headers: request.headers, path: request.url };
      deliveries.push(delivery);
      response.writeHead(reply(delivery, deliveries.length)).end();
      for (const check of [...waiting]) check();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hooks`,
    deliveries,
    /** Resolves once `enough(deliveries)` is true. */
    until(enough, withinMs = 30_000) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`only ${deliveries.length} deliveries came in`)), withinMs);
        const check = () => {
          if (!enough(deliveries)) return;
          clearTimeout(timer);
          waiting.splice(waiting.indexOf(check), 1);
          resolve();
        };
        waiting.push(check);
        check();
      });
    },
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
