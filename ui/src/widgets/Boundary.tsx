import { Component, type ReactNode } from "react";
import { ErrorState } from "./ErrorState";

interface Props {
  /** What could not be drawn, for instance "the timeline". */
  what: string;
  children: ReactNode;
}

/** A part of a page that breaks leaves the other parts standing. Give it a `key` of what it shows, so that another thing is tried anew. */
export class Boundary extends Component<Props, { error: unknown; failed: boolean }> {
  override state = { error: undefined, failed: false };

  static getDerivedStateFromError(error: unknown) {
    return { error, failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <ErrorState
        title={`Could not draw ${this.props.what}`}
        error={this.state.error}
        action={
          <button type="button" className="button" onClick={() => this.setState({ error: undefined, failed: false })}>
            Draw it again
          </button>
        }
      />
    );
  }
}
