import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly error?: string | null | undefined;
  readonly isWide?: boolean;
}

/** Connects a label, a hint and an error with one control. */
function Field({
  label,
  hint,
  error,
  isWide,
  children,
}: FieldProps & {
  children: (attributes: {
    id: string;
    'aria-describedby'?: string;
    'aria-invalid'?: boolean;
  }) => ComponentChildren;
}) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div class={isWide ? 'field field-wide' : 'field'}>
      <label for={id}>{label}</label>
      {children({
        id,
        ...(described === '' ? {} : { 'aria-describedby': described }),
        ...(error ? { 'aria-invalid': true } : {}),
      })}
      {hint !== undefined && (
        <p id={`${id}-hint`} class="field-hint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} class="field-error">
          {error}
        </p>
      )}
    </div>
  );
}

export function TextField({
  value,
  onChange,
  type = 'text',
  placeholder,
  autoComplete = 'off',
  isMono,
  min,
  max,
  isRequired,
  isDisabled,
  ...field
}: FieldProps & {
  value: string;
  onChange: (value: string) => void;
  type?: 'text' | 'search' | 'password' | 'number';
  placeholder?: string;
  autoComplete?: string;
  isMono?: boolean;
  min?: number;
  max?: number;
  isRequired?: boolean;
  isDisabled?: boolean;
}) {
  return (
    <Field {...field}>
      {(attributes) => (
        <input
          {...attributes}
          class={isMono ? 'input mono' : 'input'}
          // Preact's types allow each type of input on its own, but no union of them.
          type={type as 'text'}
          value={value}
          placeholder={placeholder}
          autocomplete={autoComplete}
          autocapitalize="none"
          spellcheck={false}
          min={min}
          max={max}
          required={isRequired}
          disabled={isDisabled}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function TextArea({
  value,
  onChange,
  rows = 4,
  ...field
}: FieldProps & { value: string; onChange: (value: string) => void; rows?: number }) {
  return (
    <Field {...field}>
      {(attributes) => (
        <textarea
          {...attributes}
          class="input mono"
          rows={rows}
          spellcheck={false}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}

export function Choice({
  value,
  onChange,
  options,
  isDisabled,
  ...field
}: FieldProps & {
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
  isDisabled?: boolean;
}) {
  return (
    <Field {...field}>
      {(attributes) => (
        <select
          {...attributes}
          class="input"
          value={value}
          disabled={isDisabled}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {options.map(([option, text]) => (
            <option key={option} value={option} selected={option === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Check({
  label,
  isChecked,
  onChange,
  isDisabled,
}: {
  label: string;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
  isDisabled?: boolean;
}) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={isChecked}
        disabled={isDisabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
