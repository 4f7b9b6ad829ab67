// The frame of the pages before login.

import type { ComponentChildren, JSX } from 'preact';
import { Logo } from '../ui/icons.tsx';
import { LanguageSwitch, ThemeSwitch } from '../ui/shell.tsx';

export function Gate({ children }: { children: ComponentChildren }): JSX.Element {
  return (
    <div class="gate">
      <main class="gate-main">
        <div class="gate-brand">
          <Logo />
          <span>Kontor</span>
        </div>
        <div class="card gate-card">{children}</div>
      </main>
      <footer class="gate-foot">
        <LanguageSwitch />
        <ThemeSwitch />
      </footer>
    </div>
  );
}
