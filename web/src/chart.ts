// uPlot, dressed in our colours. Loaded on demand: only Home draws.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { axisTop, type ChartHandle, type ChartOptions, type Column, stack } from './chart_data.ts';

const HEIGHT = 220;

// A custom property as the browser resolves it for the present theme.
function colour(box: HTMLElement, property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  box.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function makeChart(box: HTMLElement, options: ChartOptions): ChartHandle {
  const ink = colour(box, '--text-3');
  const grid = colour(box, '--line');
  const fills = {
    volume: colour(box, '--chart'),
    succeeded: colour(box, '--chart-good'),
    failed: colour(box, '--chart-bad'),
  };
  const font = `12px ${getComputedStyle(box).fontFamily}`;
  const bars = uPlot.paths.bars?.({ size: [0.72, 44], radius: [0.18, 0] });
  // Painted from the back: the whole stack first, then what stands in front of it.
  const painted = [...options.series].reverse();
  let columns: readonly Column[] = [];
  let axis = axisTop(0, options.exponent);

  const chart = new uPlot(
    {
      width: Math.max(box.clientWidth, 200),
      height: HEIGHT,
      padding: [12, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false, y: false } },
      scales: {
        x: { time: false, range: (_, min, max) => [min - 0.6, max + 0.6] },
        y: { range: () => [0, axis.top] },
      },
      axes: [
        {
          stroke: ink,
          font,
          grid: { show: false },
          ticks: { show: false },
          gap: 8,
          size: 32,
          space: 56,
          incrs: [1, 2, 3, 4, 6, 12],
          values: (_, splits) =>
            splits.map((split) => {
              const column = columns[split];
              return column ? options.timeLabel(column.start_ms) : '';
            }),
        },
        {
          stroke: ink,
          font,
          size: 64,
          gap: 8,
          grid: { stroke: grid, width: 1 },
          ticks: { show: false },
          splits: () => {
            const steps = Math.round(axis.top / axis.step);
            return Array.from({ length: steps + 1 }, (_, index) => index * axis.step);
          },
          values: (_, splits) => splits.map((split) => options.valueLabel(split)),
        },
      ],
      series: [
        {},
        ...painted.map((name) => ({
          fill: fills[name],
          width: 0,
          points: { show: false },
          ...(bars ? { paths: bars } : {}),
        })),
      ],
      hooks: { setCursor: [(self) => options.onPoint(self.cursor.idx ?? null)] },
    },
    [[], ...painted.map(() => [])],
    box,
  );

  const resize = new ResizeObserver(() => {
    if (box.clientWidth > 0) chart.setSize({ width: box.clientWidth, height: HEIGHT });
  });
  resize.observe(box);

  return {
    update: (fresh) => {
      columns = fresh;
      const stacked = stack(fresh, options.series);
      axis = axisTop(Math.max(0, ...(stacked.at(-1) ?? [])), options.exponent);
      chart.setData([fresh.map((_, index) => index), ...stacked.reverse()]);
    },
    destroy: () => {
      resize.disconnect();
      chart.destroy();
    },
  };
}
