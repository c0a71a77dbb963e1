/** Distance, area and bearing of the corners that were set on the map. */
import type { Map as MapLibreMap } from 'maplibre-gl';
import { useEffect } from 'preact/hooks';
import { useApp } from '../app.ts';
import { areaParts, lengthParts, oneDecimalOf } from '../format.ts';
import { t } from '../messages/index.ts';
import { Button, Facts, Figure } from '../panel/parts.tsx';
import type { Fact } from '../panel/result/report-facts.ts';
import type { Position } from '../state.ts';
import { toTool } from '../tool-in-hand.ts';
import { areaOf, legBetween, lengthOf } from './geodesic.ts';
import { ToolCard } from './tool-card.tsx';

const texts = t.tools;
const length = (metres: number): string => lengthParts(metres).join('\u2009');

export function Measure({ map }: { map: MapLibreMap }) {
  const { state } = useApp();
  const { measured } = state;
  const corners = measured.value;
  const undo = () => (measured.value = measured.value.slice(0, -1));
  useEffect(() => {
    const canvas = map.getCanvas();
    const takeBack = (event: KeyboardEvent) => {
      if (event.key === 'Backspace') undo();
    };
    canvas.addEventListener('keydown', takeBack);
    canvas.focus({ preventScroll: true });
    return () => canvas.removeEventListener('keydown', takeBack);
  }, [map]);
  return (
    <ToolCard title={texts.measure} data-testid="measure">
      <div aria-live="polite">
        {corners.length < 2 ? (
          <p class="quiet">{texts.measureHelp}</p>
        ) : (
          <>
            <Largest corners={corners} />
            <Facts facts={factsOf(corners)} />
          </>
        )}
      </div>
      <div class="actions">
        <Button data-testid="add-middle" onClick={() => void toTool(state, map.getCenter())}>
          {texts.addMiddle}
        </Button>
        {corners.length > 0 && (
          <>
            <Button onClick={undo}>{texts.undo}</Button>
            <Button onClick={() => (measured.value = [])}>{texts.clear}</Button>
          </>
        )}
      </div>
    </ToolCard>
  );
}

function Largest({ corners }: { corners: readonly Position[] }) {
  const [value, unit] = lengthParts(lengthOf(corners));
  return (
    <div class="tool-figure">
      <Figure value={value} unit={unit} />
      <span class="quiet">{texts.distance}</span>
    </div>
  );
}

function factsOf(corners: readonly Position[]): Fact[] {
  const [before, last] = corners.slice(-2) as [Position, Position];
  const leg = legBetween(before, last);
  const bearing: Fact = [texts.bearing, `${oneDecimalOf(leg.bearing)}°`];
  const legs: Fact[] = corners.length > 2 ? [[texts.lastLeg, length(leg.metres)], bearing] : [bearing];
  if (corners.length < 3) return legs;
  const { m2, perimeterMetres } = areaOf(corners);
  return [[texts.area, areaParts(m2).join('\u2009')], [texts.perimeter, length(perimeterMetres)], ...legs];
}
