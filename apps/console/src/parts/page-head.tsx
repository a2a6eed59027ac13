import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

let isFirstPage = true;

/** The title of a page. After a change of the page it has the focus, so that a screen reader reads it. */
export function PageHead({
  title,
  isCode,
  lead,
  children,
}: {
  title: string;
  /** The title is a name, such as a client id. */
  isCode?: boolean;
  lead?: ComponentChildren;
  children?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · MQTT Cluster`;
    if (!isFirstPage) heading.current?.focus();
    isFirstPage = false;
  }, [title]);
  return (
    <header class="page-head">
      <div>
        <h1 ref={heading} tabIndex={-1} class={isCode ? 'mono' : undefined}>
          {title}
        </h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {children !== undefined && <div class="page-actions">{children}</div>}
    </header>
  );
}

export function Section({
  title,
  note,
  isCode,
  actions,
  children,
}: {
  title: string;
  note?: ComponentChildren;
  isCode?: boolean;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="section">
      <header class="section-head">
        <h2 class={isCode ? 'mono' : undefined}>{title}</h2>
        {note !== undefined && <span class="quiet">{note}</span>}
        {actions !== undefined && <div class="section-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** Pairs of a term and its value. */
export function Facts({ items }: { items: readonly (readonly [term: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts">
      {items.map(([term, value]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
