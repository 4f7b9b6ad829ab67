import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { createMock } from '../mock/backend.mjs';
import { detailOf, makeHistory, makeRandom } from '../mock/data.mjs';
import { ApiKey, Home, NewApiKey, PaymentDetail, Row, Session } from '../src/api/schema.ts';

const merchants = [{ id: 'acct_1', name: 'A' }];

describe('schemas', () => {
  it('take what the mock makes up, so that what was seen is what was tested', () => {
    const now = Date.UTC(2026, 0, 5, 14, 30);
    const rows = makeHistory(makeRandom(1), now, merchants);
    expect(rows.length).toBeGreaterThan(200);
    for (const row of rows.slice(-60)) {
      expect(v.parse(Row, row).id).toBe(row.id);
      expect(v.parse(PaymentDetail, detailOf(row, now)).row.id).toBe(row.id);
    }
  });
  it('take null and absence as "none"', () => {
    const bare = {
      id: 'pi_1',
      created_ms: 1,
      amount: 5,
      currency: 'eur',
      status: 'succeeded',
      customer: null,
    };
    expect(v.parse(Row, bare)).toMatchObject({ customer: '', description: '', amount_refunded: 0 });
  });
  it('keep to themselves what the pages do not know', () => {
    expect(
      v.parse(Row, { id: 'pi_1', created_ms: 1, amount: 5, currency: 'eur', status: 'x', more: 1 }),
    ).not.toHaveProperty('more');
  });
  it.each([
    [Session, { operator: { id: 'op_1', name: 'a' }, csrf: 'x' }],
    [Row, { id: 'pi_1', created_ms: 1, amount: 5.5, currency: 'eur', status: 'succeeded' }],
    [Row, { id: 'pi_1', created_ms: '1', amount: 5, currency: 'eur', status: 'succeeded' }],
    [Home, {}],
    [NewApiKey, { id: 'key_1', name: '', hint: '', mode: 'test', created_ms: 1, revoked_ms: null }],
    [ApiKey, { id: 'key_1', name: '', hint: '', mode: 'production', created_ms: 1, revoked_ms: null }],
  ])('refuse what is wrong (%#)', (schema, value) => {
    expect(v.safeParse(schema as v.GenericSchema, value).success).toBe(false);
  });
  it('cover the mock as such', () => {
    expect(createMock({ seeded: false }).setupToken()).toHaveLength(32);
  });
});
