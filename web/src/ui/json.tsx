// An object as coloured text. Built from elements, so nothing in it can become markup.

import type { ComponentChildren, JSX } from 'preact';
import { t } from '../i18n/index.ts';
import { CopyButton } from './basics.tsx';

function render(value: unknown, indent: string): ComponentChildren {
  if (value === null || typeof value === 'boolean') return <span class="json-word">{String(value)}</span>;
  if (typeof value === 'number') return <span class="json-number">{String(value)}</span>;
  if (typeof value === 'string') return <span class="json-string">{JSON.stringify(value)}</span>;
  const inner = `${indent}  `;
  const list = Array.isArray(value);
  const entries = Object.entries(value as object);
  if (entries.length === 0) return list ? '[]' : '{}';
  return (
    <>
      {list ? '[' : '{'}
      {entries.map(([key, item], index) => (
        <>
          {`\n${inner}`}
          {!list && <span class="json-key">{JSON.stringify(key)}</span>}
          {!list && ': '}
          {render(item, inner)}
          {index < entries.length - 1 && ','}
        </>
      ))}
      {`\n${indent}${list ? ']' : '}'}`}
    </>
  );
}

export function Json({ value, label }: { value: unknown; label: string }): JSX.Element {
  return (
    <div class="json">
      <CopyButton text={JSON.stringify(value, null, 2)} label={t('copy')} />
      <section
        class="json-scroll"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
        tabIndex={0}
      >
        <pre>{render(value, '')}</pre>
      </section>
    </div>
  );
}
