/** What the interactive page opens with: everything a first look asks for. */
export const FIRST_QUERY = `# Submit a song with addTrack, then watch it with the subscription trackProgress.
query FirstLook {
  tracks(first: 10) {
    edges {
      node {
        id
        title
        stage
        progress
        waiting { stage status reason }
      }
    }
  }
  backlog { type pending running failed etaSeconds }
}
`
