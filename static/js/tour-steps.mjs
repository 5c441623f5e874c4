// The steps of the tour: on which page of a data set, what they point at, and what they say.

export const STEPS = [
  {
    page: "data",
    target: "ol.line",
    title: "The line",
    text: "A data set moves along six steps, from the files to the list of sorted frames. They stand at the head of each of its pages and say how far it is.",
  },
  {
    page: "data",
    target: "#patterns",
    title: "What the frames look like together",
    text: "Mean and maximum of all frames show the beam centre, dead pixels and gaps. Your files are only ever read.",
  },
  {
    page: "learn",
    target: "[aria-labelledby=curve-title]",
    title: "A network learns without labels",
    text: "It learns a few numbers that describe each pattern. The curve falls and then levels off; what is below shows what the network has understood.",
  },
  {
    page: "clusters",
    target: "#map",
    title: "The map of all frames",
    text: "Frames that look alike lie together. Point at one to see it, draw an area to open its frames, and colour the map by cluster, run or a measured number.",
  },
  {
    page: "clusters",
    target: "#gallery",
    title: "Clusters",
    text: "Groups of frames that were found without labels, with typical members of each. Give one a name, or give its frames a class.",
  },
  {
    page: "label",
    target: "#label-classes",
    title: "Labels",
    text: "You say what a frame is, by one key. Some dozen labels of each class are enough to begin with; every one can be undone.",
  },
  {
    page: "sort",
    target: "#figures-title",
    title: "Sorting",
    text: "A second network learns from your labels and sorts all frames. Its figures come from labelled frames that it did not learn from.",
  },
  {
    page: "download",
    target: "#manifests",
    title: "The manifest",
    text: "One line for each frame, with its cluster, class and probability, and a card of how it came about. That is the whole line; press ? on any page for help.",
  },
];
