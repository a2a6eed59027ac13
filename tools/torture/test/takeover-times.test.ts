import { TakeoverTimes } from '../src/targets/takeover-times.ts';

test('TakeoverTimes describes the longest takeover of each kind of fault, and the takeovers that did not happen', () => {
  const times = new TakeoverTimes();
  expect(times.describe()).toBe('no takeovers');
  times.add('kill', 1_200);
  times.add('kill', 800);
  times.add('pause', 4_060);
  expect(times.describe()).toBe('takeovers after kill 2 (1.2 s at most), pause 1 (4.1 s at most)');
  times.add('kill', null);
  expect(times.describe()).toMatch(/; 1 without another runner$/);
});
