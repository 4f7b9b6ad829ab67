import { describe, expect, it } from 'vitest';
import { addressOf, matchRoute, splitMode, withMode } from '../src/routes.ts';

describe('matchRoute', () => {
  it.each([
    ['/admin/test', { page: 'home' }],
    ['/admin/test/', { page: 'home' }],
    ['/admin/live/', { page: 'home' }],
    ['/admin/setup', { page: 'setup' }],
    ['/admin/test/payments', { page: 'payments' }],
    ['/admin/live/payments/', { page: 'payments' }],
    ['/admin/live/payments/pi_1', { page: 'payment', id: 'pi_1' }],
    ['/admin/test/payments/pi%5F1', { page: 'payment', id: 'pi_1' }],
    ['/admin/test/merchants/acct_1', { page: 'merchant', id: 'acct_1' }],
    ['/admin/test/merchants', { page: 'merchants' }],
    ['/admin/', { page: 'not_found' }],
    ['/admin/payments', { page: 'not_found' }],
    ['/admin/payments/pi_1', { page: 'not_found' }],
    ['/admin/test/setup', { page: 'not_found' }],
    ['/admin/testing/payments', { page: 'not_found' }],
    ['/admin/TEST/payments', { page: 'not_found' }],
    ['/admin/setup/x', { page: 'not_found' }],
    ['/admin/test/payments/pi_1/more', { page: 'not_found' }],
    ['/admin/test/payments/%E0%A4%A', { page: 'not_found' }],
    ['/admin/test/other', { page: 'not_found' }],
    ['/administrator', { page: 'not_found' }],
    ['/', { page: 'not_found' }],
  ])('%s', (path, route) => {
    expect(matchRoute(path)).toEqual(route);
  });
});

describe('mode', () => {
  it('is a segment of the address and nothing else', () => {
    expect(splitMode('/admin/live/payments')).toEqual({ mode: 'live', below: 'payments' });
    expect(splitMode('/admin/test')).toEqual({ mode: 'test', below: '' });
    expect(splitMode('/admin/payments')).toEqual({ mode: null, below: 'payments' });
    expect(splitMode('/admin/lively/payments').mode).toBeNull();
  });
  it('is in each address of a page', () => {
    expect(addressOf('', 'test')).toBe('/admin/test/');
    expect(addressOf('payments', 'live')).toBe('/admin/live/payments');
    const query = new URLSearchParams('status=succeeded');
    expect(addressOf('payments', 'test', query)).toBe('/admin/test/payments?status=succeeded');
  });
  it('is added where an address lacks it', () => {
    expect(withMode('/admin', '', 'live')).toBe('/admin/live/');
    expect(withMode('/admin/', '', 'test')).toBe('/admin/test/');
    expect(withMode('/admin/payments/pi_1', '', 'live')).toBe('/admin/live/payments/pi_1');
    expect(withMode('/admin/payments', '?status=succeeded&mode=live', 'test')).toBe(
      '/admin/live/payments?status=succeeded',
    );
    expect(withMode('/admin/payments', '?mode=both', 'test')).toBe('/admin/test/payments');
    expect(withMode('/admin/live/payments', '?mode=test', 'test')).toBeNull();
    expect(withMode('/admin/setup', '?token=t', 'live')).toBeNull();
    expect(withMode('/elsewhere', '', 'live')).toBeNull();
  });
});
