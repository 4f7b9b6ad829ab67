import { beforeAll, describe, expect, it, vi } from 'vitest';

// The module follows the address bar through the router.
beforeAll(() => {
  vi.stubGlobal('location', new URL('https://kontor.test/admin/test/'));
});

describe('pauseBefore', () => {
  it('doubles, never above half a minute, never without a random part', async () => {
    const { pauseBefore } = await import('../src/api/live.ts');
    expect(pauseBefore(0, 0)).toBe(500);
    expect(pauseBefore(0, 1)).toBe(1000);
    expect(pauseBefore(3, 1)).toBe(8000);
    expect(pauseBefore(50, 1)).toBe(30_000);
    expect(pauseBefore(50, 0)).toBe(15_000);
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const pause = pauseBefore(attempt, 0.5);
      expect(pause).toBeGreaterThanOrEqual(500);
      expect(pause).toBeLessThanOrEqual(30_000);
    }
  });
});
