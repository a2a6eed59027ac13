import {
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { DynamicConfigValue, ValueMapping } from '@grafana/grafana-foundation-sdk/dashboard';
import type { CellLink, Thresholds, ValueTexts } from './model.ts';

/** Options of Grafana that panels and columns share. */

export function thresholds(steps: Thresholds): ThresholdsConfigBuilder {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]) => ({ value, color })));
}

export function mapping(valueTexts: ValueTexts): ValueMapping {
  const entries = Object.entries(valueTexts).map(([value, [text, color]], index) => [
    value,
    { text, color, index },
  ]);
  return { type: MappingType.ValueToText, options: Object.fromEntries(entries) };
}

export function cellLinks(links: readonly CellLink[]): DynamicConfigValue {
  return { id: 'links', value: links.map(({ title, url }) => ({ title, url, targetBlank: false })) };
}
