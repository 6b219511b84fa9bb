/** The statechart as it is drawn: laid out when the page was built. */

export interface DrawnEdge {
  readonly from: string;
  readonly to: string;
  /** What leads there, a line each. */
  readonly lines: readonly string[];
  /** The session has no actor meanwhile: it goes this way by its record. */
  readonly byRecord: boolean;
  /** An SVG path. */
  readonly path: string;
  /** The middle of the label. */
  readonly x: number;
  readonly y: number;
}

export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly states: readonly {
    readonly name: string;
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }[];
  readonly edges: readonly DrawnEdge[];
}
