/// <reference types="vitest/config" />
import { defineConfig, type Plugin } from 'vite';

// The development server answers /admin/api itself, with made-up data (mock/). Never part of a build.
function mockBackend(): Plugin {
  return {
    name: 'kontor-mock-backend',
    apply: 'serve',
    async configureServer(server) {
      if (process.env.VITEST) return;
      const { createMock } = await import('./mock/backend.mjs');
      const mock = createMock();
      server.middlewares.use((req, res, next) => {
        if (!mock.handle(req, res)) next();
      });
      server.httpServer?.once('listening', () => {
        const address = server.httpServer?.address();
        const port = typeof address === 'object' && address ? address.port : 5173;
        server.config.logger.info(
          `  set-up link: http://localhost:${port}/admin/setup?token=${mock.setupToken()}`,
        );
      });
    },
  };
}

// The page must be painted in the chosen theme from the first frame on, so the entry script blocks painting.
function blockRendering(): Plugin {
  return {
    name: 'kontor-block-rendering',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler: (html) => html.replace('<script type="module"', '<script type="module" blocking="render"'),
    },
  };
}

export default defineConfig({
  base: '/admin/',
  plugins: [mockBackend(), blockRendering()],
  build: {
    target: 'es2022',
    // light-dark() and color-mix() as they are: all browsers since 2024.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The strict CSP allows no inline script, style or data: script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
  },
  test: { include: ['test/**/*.test.ts', 'test/**/*.test.tsx', 'test/**/*.test.mjs'], environment: 'node' },
});
