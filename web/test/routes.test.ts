import { describe, expect, it } from 'vitest';
import { addressOf, matchRoute, modeOf } from '../src/routes.ts';

describe('matchRoute', () => {
  it.each([
    ['/admin', { page: 'home' }],
    ['/admin/', { page: 'home' }],
    ['/admin/setup', { page: 'setup' }],
    ['/admin/payments', { page: 'payments' }],
    ['/admin/payments/', { page: 'payments' }],
    ['/admin/payments/pi_1', { page: 'payment', id: 'pi_1' }],
    ['/admin/payments/pi%5F1', { page: 'payment', id: 'pi_1' }],
    ['/admin/merchants/acct_1', { page: 'merchant', id: 'acct_1' }],
    ['/admin/merchants', { page: 'merchants' }],
    ['/admin/setup/x', { page: 'not_found' }],
    ['/admin/payments/pi_1/more', { page: 'not_found' }],
    ['/admin/payments/%E0%A4%A', { page: 'not_found' }],
    ['/admin/other', { page: 'not_found' }],
    ['/administrator', { page: 'not_found' }],
    ['/', { page: 'not_found' }],
  ])('%s', (path, route) => {
    expect(matchRoute(path)).toEqual(route);
  });
});

describe('mode', () => {
  it('is test unless the address says live', () => {
    expect(modeOf(new URLSearchParams(''))).toBe('test');
    expect(modeOf(new URLSearchParams('mode=live'))).toBe('live');
    expect(modeOf(new URLSearchParams('mode=LIVE'))).toBe('test');
  });
  it('is part of each address, test being the silent default', () => {
    expect(addressOf('', 'test')).toBe('/admin/');
    expect(addressOf('payments', 'live')).toBe('/admin/payments?mode=live');
    const query = new URLSearchParams('status=succeeded&mode=live');
    expect(addressOf('payments', 'test', query)).toBe('/admin/payments?status=succeeded');
    expect(query.get('mode')).toBe('live'); // the caller's own is not touched
  });
});
