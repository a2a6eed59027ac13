import { useState } from 'preact/hooks';
import { includesRole, role } from '../../api/authorization.ts';
import { usePolled } from '../../api/polled.ts';
import { changeSettings, getSettings } from '../../api/requests.ts';
import type { Settings, SettingsChange } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Choice, TextField } from '../../parts/field.tsx';
import { Needs } from '../../parts/needs.tsx';
import { Section } from '../../parts/page-head.tsx';
import { WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { bytes, count, duration, milliseconds } from '../../text/format.ts';
import { parseSetting, queueFullTexts, settingText } from './setting-texts.ts';
import type { SettingName } from './setting-texts.ts';

const everyMs = 10_000;

export function SettingsSection() {
  const polled = usePolled(getSettings, everyMs, 'settings');
  const mayChange = includesRole(role.value, 'operator');
  return (
    <Section title="Settings" note="part of the log, the same on all members">
      <Needs role="operator" to="change settings">
        <></>
      </Needs>
      <WithData polled={polled} what="the settings">
        {(settings) => (
          <Table
            caption="Settings of the cluster"
            rows={Object.keys(settings) as SettingName[]}
            rowKey={(name) => name}
            columns={[
              { key: 'label', head: 'Setting', isName: true, cell: (name) => settingText(name).label },
              { key: 'value', head: 'Value', isNumber: true, cell: (name) => format(name, settings) },
              { key: 'name', head: 'Name', cell: (name) => <span class="mono quiet">{name}</span> },
              ...(mayChange
                ? [
                    {
                      key: 'change',
                      head: '',
                      cell: (name: SettingName) => (
                        <button
                          type="button"
                          class="link-button"
                          aria-label={`Change ${settingText(name).label}`}
                          onClick={() => askToChange(name, settings, polled.refresh)}
                        >
                          Change
                        </button>
                      ),
                    },
                  ]
                : []),
            ]}
          />
        )}
      </WithData>
    </Section>
  );
}

function format(name: SettingName, settings: Settings): string {
  const value = settings[name];
  if (typeof value === 'string') return queueFullTexts.find(([option]) => option === value)?.[1] ?? value;
  switch (settingText(name).unit) {
    case 'bytes':
      return bytes(value);
    case 'ms':
      return milliseconds(value);
    case 's':
      return value >= 0xffffffff ? 'unlimited' : duration(value);
    default:
      return count(value);
  }
}

function askToChange(name: SettingName, settings: Settings, refresh: () => void): void {
  const { label, unit } = settingText(name);
  let text = String(settings[name]);
  confirm({
    title: `Change "${label}"`,
    body: (
      <>
        <p>
          Now: {format(name, settings)}. The new value holds on all members with the next entry of the log.
          Raising a bound costs memory on every member.
        </p>
        <NewValue unit={unit} start={text} change={(value) => (text = value)} />
      </>
    ),
    action: 'Change',
    run: async () => {
      const value = unit === 'choice' ? text : parseSetting(text, unit === 'bytes');
      if (value === null)
        throw new Error(
          unit === 'bytes' ? 'Enter a size, such as 67108864 or 64 MiB.' : 'Enter a whole number.',
        );
      await changeSettings({ [name]: value } as SettingsChange);
      announce(`${label} was changed.`);
      refresh();
    },
  });
}

function NewValue({ unit, start, change }: { unit: string; start: string; change: (value: string) => void }) {
  const [value, setValue] = useState(start);
  const set = (next: string): void => {
    setValue(next);
    change(next);
  };
  if (unit === 'choice')
    return <Choice label="New value" value={value} onChange={set} options={queueFullTexts} />;
  const hint =
    unit === 'bytes'
      ? 'Bytes, or a size such as 64 MiB'
      : unit === 'ms'
        ? 'Milliseconds'
        : unit === 's'
          ? 'Seconds'
          : undefined;
  return <TextField label="New value" isMono value={value} onChange={set} hint={hint} />;
}
