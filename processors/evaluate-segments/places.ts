/** A place on earth in degrees. */
export interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

const EARTH_M = 6_371_008.8;
const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Distance on the sphere in metres, by the haversine formula; off by up to half a per cent, since the earth is no sphere. */
export function distance(one: Point, other: Point): number {
  const [from, to] = [radians(one.latitude), radians(other.latitude)];
  const h =
    Math.sin((to - from) / 2) ** 2 + Math.cos(from) * Math.cos(to) * Math.sin(radians(other.longitude - one.longitude) / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/**
 * Whether a point lies in a polygon, by the crossings of its edges with the parallel to the east. Edges are straight on a map of
 * equal degrees; a polygon spans less than 180 degrees, and may lie across the date line.
 */
export function inPolygon({ latitude, longitude }: Point, corners: readonly Point[]): boolean {
  const [first] = corners;
  if (first === undefined) return false;
  /** The same meridian, less than half a turn from the first corner. */
  const near = (degrees: number): number => first.longitude + ((((degrees - first.longitude) % 360) + 540) % 360) - 180;
  const east = near(longitude);
  let inside = false;
  for (const [index, one] of corners.entries()) {
    const other = corners[(index + 1) % corners.length] as Point;
    if (one.latitude > latitude === other.latitude > latitude) continue;
    const [from, to] = [near(one.longitude), near(other.longitude)];
    if (from + ((latitude - one.latitude) / (other.latitude - one.latitude)) * (to - from) > east) inside = !inside;
  }
  return inside;
}
