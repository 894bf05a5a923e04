import { Component, type ReactNode } from "react";

interface Props {
  children: ReactNode;
  /** Shown instead of what failed. */
  instead: ReactNode;
  /** Another value tries again. */
  of: unknown;
}

/** A diagram that fails takes nothing else with it. */
export class DrawingBoundary extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }
  override componentDidUpdate(before: Props): void {
    if (this.state.failed && before.of !== this.props.of) this.setState({ failed: false });
  }
  override render(): ReactNode {
    return this.state.failed ? this.props.instead : this.props.children;
  }
}
