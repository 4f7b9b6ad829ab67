// Where each major sends what it is told to send to one host: docs/api.md, "Safety of others' libraries", says it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { majors } from './majors.mjs';

const ours = 'pay.example.org';
const file = { purpose: 'dispute_evidence', file: { data: Buffer.from('evidence'), name: 'a.txt', type: 'text/plain' } };

// A page of a list with more behind it, as each major's HTTP client hands it over.
const page = {
  getStatusCode: () => 200,
  getHeaders: () => ({}),
  getRawResponse: () => ({}),
  toJSON: async () => ({ object: 'list', data: [{ id: 'cus_0', object: 'customer' }], has_more: true, url: '/v1/customers' }),
};

/** A client of that major for our host, and the hosts that its requests were meant for; none leaves this process. */
function clientOf(library) {
  const hosts = [];
  const httpClient = {
    getClientName: () => 'none',
    async makeRequest(host, port, path) {
      hosts.push(host);
      if (path.startsWith('/v1/customers?') && !path.includes('starting_after')) return page;
      throw new Error('no request leaves this test');
    },
  };
  return { hosts, stripe: new library('sk_test_0', { host: ours, httpClient, telemetry: false, maxNetworkRetries: 0 }) };
}

async function hostsOf(library, ...calls) {
  const { hosts, stripe } = clientOf(library);
  for (const call of calls) await assert.rejects(call(stripe), /no request leaves this test|connection to Stripe/);
  return hosts;
}

for (const { library, version } of majors) {
  const follows = version >= 22;

  test(`version ${version} sends requests and pages to our host`, async () => {
    const hosts = await hostsOf(
      library,
      (stripe) => stripe.customers.create({ name: 'Ada' }),
      (stripe) => stripe.customers.list({ limit: 1 }).autoPagingToArray({ limit: 2 }),
    );
    assert.deepEqual(hosts, [ours, ours, ours]);
  });

  test(`version ${version} sends files and OAuth ${follows ? 'there too' : 'to the original hosts'}`, async () => {
    const hosts = await hostsOf(
      library,
      (stripe) => stripe.files.create(file),
      (stripe) => stripe.oauth.token({ grant_type: 'authorization_code', code: 'ac_0' }),
    );
    assert.deepEqual(hosts, follows ? [ours, ours] : ['files.stripe.com', 'connect.stripe.com']);
  });

  test(`version ${version} sends files and OAuth to the host that the request names`, async () => {
    const hosts = await hostsOf(
      library,
      (stripe) => stripe.files.create(file, { host: ours }),
      (stripe) => stripe.oauth.token({ grant_type: 'authorization_code', code: 'ac_0' }, { host: ours }),
    );
    assert.deepEqual(hosts, [ours, ours]);
  });
}
