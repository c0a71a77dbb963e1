/** Every text of the viewer in English. Quantities come formatted, with their units. */
import type { ProblemJson } from '../service/types.ts';
import { pluralsOf } from './plurals.ts';

const plural = pluralsOf('en');

export const en = {
  /** Of numbers and plurals. */
  locale: 'en',
  dateLocale: 'en-GB',

  tryAgain: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  mapThisImage: 'Map this image',
  objectsFound: (objects: number) => plural(objects, { one: '# object found', other: '# objects found' }),
  areas: (areas: number) => plural(areas, { one: '# area', other: '# areas' }),
  count: (done: string, total: string, unit: string) => `${done} / ${total} ${unit}`,
  amount: (sent: string, total: string) => `${sent} of ${total}`,
  percent: (value: string) => `${value} %`,
  lessThan: (value: string) => `< ${value}`,

  time: {
    milliseconds: 'ms',
    seconds: 's',
    minutes: 'min',
    /** Where no seconds follow. */
    minutesAlone: 'min',
    hours: 'h',
    fewSecondsLeft: 'a few seconds left',
    left: (duration: string) => `about ${duration} left`,
    about: (duration: string) => `about ${duration}`,
  },
  compass: { north: 'N', east: 'E', south: 'S', west: 'W' },
  hectares: 'ha',
  /** Names of classes and collections that their identifier does not spell. */
  titles: { other: 'Other land', landuse: 'Land use' } as Record<string, string>,

  error: {
    offline: 'The service is not responding',
    offlineDetail: 'It may be restarting, or the connection was lost. This page reconnects by itself.',
    unexpected: 'Something went wrong on this page',
    unexpectedDetail: 'Reload the page and try again; your data is safe.',
    failed: 'The request failed',
    failedDetail: (status: number) => `The service answered with status ${status}. Try again in a moment.`,
    noScene: 'Image not found',
    noSceneDetail:
      'The link points to an image that was deleted or never existed. Choose one from the list or add it again.',
    notTiff: 'The file is not a TIFF',
    notTiffDetail: (file: string) =>
      `“${file}” does not start with a TIFF header. Choose a GeoTIFF (.tif, .tiff) or a ZIP archive of GeoTIFFs, or export the image as one.`,
    tooLarge: 'The upload is too large',
    tooLargeDetail: (file: string) =>
      `“${file}” is larger than this service accepts. Split it into parts, or raise the upload limit of the service.`,
    stray: 'The file belongs to an image',
    strayDetail: (file: string, image: string) =>
      `“${file}” describes an image that is not there. Choose it together with its image, such as ${image}.`,
    unreadable: 'The file cannot be read',
    unreadableDetail: (file: string) =>
      `“${file}” is a folder, or may not be read. Choose the images in it, or pack them as a ZIP archive.`,
    ofFile: (file: string, title: string) => `${file}: ${title}`,
    uploadLost: 'The upload was lost',
    uploadLostDetail: 'The file arrived, but the service has no record of it. Choose it again.',
    dismiss: 'Dismiss',
  },

  /** What the service says in English, by code, in a language that is not English: title, and what to do. */
  problems: {} as Partial<Record<ProblemJson['code'], readonly [title: string, detail: string]>>,
  findings: {} as Record<string, string>,
  /** Name and reason. */
  assumptions: {} as Record<string, readonly [name: string, reason: string]>,

  panel: {
    title: 'Planimeter',
    sheet: 'Panel',
    offline: 'Connection lost. Reconnecting…',
    chooseAnother: 'Choose another file',
    remove: 'Remove',
    settings: 'Settings: network, bands, stretch',
    sceneFacts: (width: string, height: string, gsd: string, crs: string) =>
      `${width} × ${height} px · ${gsd} · ${crs}`,
    theme: { system: 'Theme: system', light: 'Theme: light', dark: 'Theme: dark' },
    signOut: (name: string) => `Sign out (${name})`,
  },

  status: {
    demo: 'Generating the demo town',
    uploading: 'Uploading',
    uploadPaused: 'Upload paused',
    uploaded: (share: string) => `Uploading ${share}`,
    refused: 'Refused',
    failed: 'Failed',
    waitsForRoom: 'Waiting for room on the disk',
    reading: 'Reading the image',
    read: (share: string) => `Reading ${share}`,
    mapping: (share: string) => `Mapping ${share}`,
    stage: (stage: string) => `Mapping: ${stage}`,
    mapped: (area: string) => `${area} mapped`,
    done: (result: string) => `Done: ${result}`,
    cancelled: 'Cancelled',
  },

  addImage: {
    section: 'Add an image',
    input: 'GeoTIFF',
    welcome: 'From image to measured\u00a0map',
    welcomeDetail:
      'Give Planimeter an aerial or satellite image. It outlines the buildings, roads, vegetation and water as clean shapes, and measures every one.',
    drop: 'Drop GeoTIFFs anywhere on this page',
    choose: 'Choose GeoTIFFs',
    dropAnother: 'Drop other GeoTIFFs, or',
    chooseAnother: 'Add other GeoTIFFs',
    chooseFile: 'Choose files',
    dropHere: 'Drop to map',
    formats: 'Any bands and bit depth, with a coordinate system',
    formatsUpTo: (size: string) => `Any bands and bit depth, with a coordinate system, up to ${size}`,
    demo: 'Try the demo scene',
    demoDetail: 'A generated town, mapped in a minute',
    demoRunning: 'Generating the town',
    demoRunningDetail: 'Streets, roofs, trees and a river…',
    url: 'URL of a cloud-optimised GeoTIFF',
    addByUrl: 'Add by URL',
    interrupted: (file: string) => `Upload of ${file} was interrupted`,
    interruptedDetail: (sent: string, total: string) =>
      `${sent} of ${total} uploaded. Choose the same file again to resume.`,
    chooseInterrupted: 'Choose the file',
    discard: 'Discard',
    waiting: 'Waiting to be sent',
    remove: (file: string) => `Do not send ${file}`,
    hereUnder: (name: string) => `This image is here already as “${name}”. It was not added a second time.`,
    hereSame: (name: string) => `“${name}” is here already. It was not added a second time.`,
    rename: (name: string) => `Rename it to ${name}`,
    keepName: 'Keep the name',
  },

  progress: {
    upload: 'Upload',
    verifying: 'Verifying the upload',
    pause: 'Pause',
    resume: 'Resume',
    job: 'Job',
    queued: 'Queued',
    mapping: 'Mapping',
    steps: {
      read: 'Read the image',
      plan: 'Plan the chips',
      infer: 'Segment and stitch',
      vectorize: 'Draw and store the features',
      store: 'Join and publish them',
    },
    units: { chips: 'chips', strips: 'strips' },
  },

  preflight: {
    title: 'Before mapping',
    titleAgain: 'Settings for a new map',
    begin: 'Map with these settings',
    analysing: 'Analysing image…',
    network: 'Network',
    unsuitable: (network: string) => `${network} (not suitable)`,
    cost: (chips: number, time: string, memory: string) =>
      `${plural(chips, { one: '# chip', other: '# chips' })}, ${time}, ${memory} of memory`,
    /** @param said by the service, of a network */
    suits: (said: string, _classes: readonly string[], _gsd: string) => said,
    bands: 'Bands',
    colours: { red: 'Red', green: 'Green', blue: 'Blue' },
    band: (number: number) => `Band ${number}`,
    noValues: 'no values',
    values: (low: string, high: string) => `Values from ${low} to ${high}`,
    stretch: 'Stretch',
    stretchAuto: 'Automatic',
    stretchUnchanged: 'Unchanged',
    stretchPercentile: '2nd to 98th percentile',
    stretchFull: (type: string) => `Full range of ${type}`,
    stretchCustom: 'Custom range',
    black: 'Value shown as black',
    white: 'Value shown as white',
    blackToWhite: 'black to white',
    useBands: (bands: string) => `Use bands ${bands}`,
    stretchContrast: 'Stretch the contrast',
    useValues: 'Use these values',
    apply: 'Apply',
    content: 'Looks like',
    contents: {
      imagery: 'Imagery',
      few_colours: 'A map or mask: flat, few colours',
      paper: 'A scanned sheet: mostly white',
    },
    bandsOf: (bands: number, type: string) => `${bands} of ${type}`,
    scaled: 'Scaled to 0–255',
    unscaled: 'not scaled',
    range: (low: string, high: string) => `${low} to ${high}`,
    imagery: 'Imagery',
    ofPixels: (share: string) => `${share} of the pixels`,
    ofPixelsNodata: (share: string, nodata: number) => `${share} of the pixels, nodata ${nodata}`,
  },

  legend: {
    title: 'Classes',
    found: 'found',
    objects: (objects: number) => plural(objects, { one: 'object', other: 'objects' }),
    mapped: (areas: string) => `mapped · ${areas}`,
    collections: 'Features',
    collection: (features: string, area: string) => `${features} · ${area}`,
    notComputed: 'Not computed',
    opacity: 'Opacity',
    leastScore: 'Score \u2265',
    leastScoreDetail: 'Features with a lower score are hidden',
    noScores: 'the network tells none',
    imagery: 'Imagery',
    certainty: 'Certainty',
    unsure: 'unsure',
    sure: 'sure',
  },

  report: {
    title: 'Report',
    network: 'Network',
    networkGsd: 'Network GSD',
    unseen: 'IoU at unseen places',
    iouRange: (name: string, least: number, most: number) =>
      least === most ? `${name} ${least.toFixed(2)}` : `${name} ${least.toFixed(2)}–${most.toFixed(2)}`,
    imageGsd: 'Image GSD',
    image: 'Image',
    imageSize: (width: string, height: string, bands: number) =>
      `${width} × ${height} px, ${plural(bands, { one: '# band', other: '# bands' })}`,
    attribution: 'Attribution',
    licence: 'Licence',
    crs: 'Reference system',
    stitching: 'Stitching',
    exact: (halo: number) => `Exact: a halo of ${halo} px gives the result of one pass`,
    detectedOnce: (share: string) => `${share} of the objects covered by two chips were detected in only one`,
    notCertified: (halo: number, share: string) =>
      `Not certified: halo ${halo} px, ${share} of the seam pixels disagree`,
    device: 'Device',
    deviceFallback: (device: string, nodes: number) =>
      `${device}, ${plural(nodes, { one: '# node', other: '# nodes' })} of the network on another device`,
    duration: 'Duration',
    memory: 'Peak memory',
    job: 'Job',
    verify: 'Verify stitching',
    verifying: 'Computing random windows in one pass each…',
    verified: (windows: number, differing: number, pixels: string) =>
      `${plural(windows, { one: '# window', other: '# windows' })}, ` +
      plural(differing, { one: `# pixel of ${pixels} differs`, other: `# pixels of ${pixels} differ` }),
    scoresBy: (delta: number) => ` (scores by ${delta} of 255 at most)`,
    ledger: 'Pixel ledger',
    pixels: { done: 'done', nodata: 'nodata', outside: 'outside', failed: 'failed', pending: 'pending' },
    notComputed: 'Not computed',
    failedChip: (width: number, height: number, x: number, y: number, reason: string) =>
      `${width} × ${height} px at ${x}, ${y}: ${reason}`,
    moreChips: (chips: number) => plural(chips, { one: 'and # other chip', other: 'and # other chips' }),
    stageTimes: 'Time by stage',
    stages: {
      ingest: 'ingest',
      plan: 'plan',
      infer: 'infer',
      stitch: 'stitch',
      vectorize: 'vectorize',
      store: 'store',
    },
    assumptions: 'Assumptions',
    assumption: (name: string, value: string, reason: string) => `${name}: ${value}. ${reason}`,
  },

  summary: {
    title: 'This place',
    computing: 'Summing up…',
    builtUp: (share: string, buildings: number, perKm2: string) =>
      `${plural(buildings, { one: '# building stands', other: '# buildings stand' })} here, ${perKm2} a km². Built-up ground is ${share} of what was mapped.`,
    densest: (share: string, cells: number) =>
      `In the densest of ${plural(cells, { one: '# cell', other: '# cells' })} of the H3 grid it is ${share}.`,
    noBuildings: 'No buildings were found.',
    blocks: (blocks: number, area: string, coverage: string) =>
      `Roads close ${plural(blocks, { one: '# block', other: '# blocks' })}, half of them of at least ${area}. Buildings cover ${coverage} of the ground in them.`,
    floors: 'How many floors buildings have is not known: an image from above does not show it.',
    noBlocks: 'Roads close no blocks.',
    roads: (length: string, junctions: number, perKm2: string, deadEnds: number) =>
      `${length} of road with ${plural(junctions, { one: '# junction', other: '# junctions' })}, ${perKm2} a km², and ${plural(deadEnds, { one: '# dead end', other: '# dead ends' })}.`,
    cutOff: (ends: number) =>
      plural(ends, { one: '# more end lies where the image ends.', other: '# more ends lie where the image ends.' }),
    main: (share: string) => `The stretch that most ways lead over carries ${share} of all shortest ways.`,
    noRoads: 'No roads were found.',
    widths: 'Road length by width',
    width: (from: number | null, below: number | null) =>
      from === null ? 'not known' : below === null ? `${from} m and more` : `${from} to ${below} m`,
    lengthShare: (length: string, share: string) => `${length} (${share})`,
    green: (radius: number, share: string, without: number) =>
      `Within ${radius} m of half of the buildings, at least ${share} of the ground is green; ${plural(without, { one: '# building has', other: '# buildings have' })} hardly any.`,
    water: (radius: number, buildings: number) =>
      `${plural(buildings, { one: '# building has', other: '# buildings have' })} water within ${radius} m.`,
    notTold: (roles: readonly string[]) =>
      `This network does not tell ${new Intl.ListFormat('en', { type: 'disjunction' }).format(roles)}: nothing is known of them here.`,
    landmarks: 'Buildings that stand out',
    reasons: {
      area: (value: string, times: string) => `${value}, ${times} times the usual`,
      compactness: () => 'long, or with wings and yards',
      isolation: (value: string, typical: string) => `${value} from the next one; ${typical} is usual`,
    },
    rows: 'Rows behind these figures',
    tables: {
      cells: 'Cells',
      blocks: 'Blocks',
      landmarks: 'Landmarks',
      roads: 'Roads',
      surroundings: 'Around each building',
    },
  },

  accuracy: {
    title: 'How good is it?',
    loading: 'Loading…',
    about:
      'People look at a random sample of points without knowing what the map says there. From what they see follow the accuracy of the map and the area of each class, with 95 % intervals.',
    nobody: 'Nobody has looked at a sample of this map.',
    size: 'Points',
    second: 'Points for a second person, %',
    draw: 'Draw a sample',
    expected: (halfWidth: string) => `Interval of the overall accuracy: about ± ${halfWidth}`,
    progress: (answered: string, points: string) => `${answered} of ${points} points looked at`,
    secondProgress: (done: string, wanted: string) => `${done} of ${wanted} for a second person`,
    disagreeing: (points: number) =>
      plural(points, {
        one: 'Two people differ at # point: a third decides.',
        other: 'Two people differ at # points: a third decides.',
      }),
    name: 'Your name',
    review: 'Look at points',
    plots: 'Points (CSV)',
    answers: 'Answers (CSV)',
    importFile: 'Read answers of a file',
    imported: (answers: number) => plural(answers, { one: '# answer was read.', other: '# answers were read.' }),
    remove: 'Delete the sample',
    sure: 'Delete it with all answers?',
    soFar: 'What comes of it so far',
    overall: 'Overall accuracy',
    interval: (value: string, lower: string, upper: string, unit: string) => `${value} (${lower} to ${upper}) ${unit}`,
    table: 'Areas and accuracies with 95 % intervals',
    pixels: 'Pixels of the map',
    area: 'Area',
    users: 'User’s accuracy',
    producers: 'Producer’s accuracy',
    meaning:
      'User’s accuracy: of what the map says is of a class, the share that is. Producer’s accuracy: of what is of a class, the share that the map has.',
    none: 'not known',
    agreement: (agreed: string, points: string, kappa: string | null) =>
      `Two people agree at ${agreed} of ${points} points${kappa === null ? '' : `, kappa ${kappa}`}.`,
    cannotTellPoints: (points: number) =>
      plural(points, { one: 'At # point nobody could tell.', other: 'At # points nobody could tell.' }),
    words: 'In words, for a report',
    sources: 'Formulas',
    copy: 'Copy',
    copied: 'Copied.',
    dialog: {
      title: 'What is here?',
      hint: 'What is in most of the square?',
      point: (number: string, answered: string, points: string) => `Point ${number} · ${answered} of ${points}`,
      cannotTell: 'Cannot tell',
      back: 'Back',
      zoomIn: 'Nearer',
      zoomOut: 'Farther',
      done: 'There is nothing left for you to look at.',
      keys: (classes: string) =>
        `Keys: ${classes} a class, 0 cannot tell, ← back, + and − nearer and farther, Esc to stop`,
    },
  },

  teach: {
    title: 'Teach this place',
    loading: 'Loading…',
    about:
      'Paint what you know of this place: a few strokes of every class, also where the map is right. The network learns from them. Everybody sees the strokes of all.',
    keys: 'Keys: 1 to 9 choose a class, 0 moves the map, Ctrl+Z undoes, N flies to the next place to paint.',
    bar: 'Paint',
    move: 'Move map',
    undo: 'Undo',
    undoKeys: 'Ctrl+Z',
    count: (all: number, own: number) =>
      `${plural(all, { one: '# label on this image', other: '# labels on this image' })}, ${own} drawn here just now`,
    addClass: 'Add a class',
    className: 'Name',
    classColour: 'Colour',
    classRole: 'Kind',
    roles: { object: 'objects', area: 'areas', line: 'lines' },
    name: 'Name of the network',
    usualName: (image: string) => `Taught on ${image}`.slice(0, 60),
    begin: 'Teach',
    teaching: 'Teaching the network…',
    better: 'The network knows this place better now.',
    notBetter:
      'The labels do not make the map better: it keeps the old map. More of them, where the map is wrong and where it is right, may help.',
    agreement: (before: string, after: string, change: string) =>
      `Labels that were held back are told rightly: ${before} before, ${after} now (${change} points).`,
    interval: (low: string, high: string) => `95 % interval ${low} to ${high}`,
    tooFew: 'There are too few labels to hold some back: how good the network is, nobody knows.',
    heldBack: 'Held back',
    before: 'Before',
    after: 'Now',
    labelsOf: 'Labels',
    onErrors: 'Most labels lie where the map was wrong: what they say of it is worse than it is.',
    contradicted: (labels: number) =>
      plural(labels, {
        one: '# label contradicts the others: it has an orange edge on the map.',
        other: '# labels contradict the others: they have an orange edge on the map.',
      }),
    outside: (labels: number) =>
      plural(labels, { one: '# label lies on no imagery.', other: '# labels lie on no imagery.' }),
    mapWith: 'Map with it',
    next: 'Where to paint next',
    nextDetail: 'Here the network is unsure, and labels teach most.',
    place: (number: number) => `Place ${number}`,
  },

  download: {
    title: 'Download',
    choice: 'What to download',
    everything: 'Everything',
    coverage: 'land use alone',
    collection: (title: string, features: string) => `${title} (${features})`,
    classMap: 'Class map',
    scoreMap: 'Score map',
    probabilities: 'Probabilities',
    features: 'Feature layer',
    notes: {
      gpkg: 'QGIS, ArcGIS',
      geojson: 'web maps',
      fgb: 'with an index',
      parquet: 'GeoPandas, DuckDB',
      pmtiles: 'vector tiles',
      'shp.zip': 'in a zip',
      csv: 'with WKT',
    },
    shapefiles: 'Shapefiles',
  },

  share: {
    title: 'Share',
    detail: 'Anyone with the link can view this map and its features, and nothing else, without signing in.',
    create: 'Create a link',
    shownOnce: 'This link is shown only once. Copy it now.',
    lost: 'The connection was lost before the link arrived. If the newest one below is not yours to use, revoke it, and create another.',
    address: 'Address of the link',
    copy: 'Copy',
    copied: 'Copied.',
    validity: (created: string, expires: string) => `Created ${created}, valid until ${expires}`,
    revoke: 'Revoke',
    revoked: 'Revoked. The link no longer works.',
  },

  attribution: {
    title: 'Attribution and licence',
    attribution: 'Attribution',
    attributionExample: '© Agency 2026',
    licence: 'Licence',
    licenceExample: 'CC-BY-4.0, or a URL',
    save: 'Save',
    saved: 'Saved. Shown on the map, in the catalogue and in downloads.',
  },

  scenes: {
    title: 'Images',
    delete: 'Delete',
    deleteScene: (name: string) => `Delete ${name}`,
    confirm: 'Delete this image and its maps?',
    keep: 'Keep',
    refused: 'refused',
    reading: (share: string) => `reading ${share}`,
    mapping: (share: string) => `mapping ${share}`,
  },

  inspector: {
    title: 'Feature',
    score: 'Score',
    scoreDetail: 'Mean probability of the class over the feature',
    noScore: 'not told by the network',
    collection: 'Collection',
    id: 'Id',
    accepted: 'Accept',
    rejected: 'Reject',
    zoomTo: 'Zoom to',
    copyLink: 'Copy link',
    linkCopied: 'Link copied',
    needsSignIn: 'This link opens for people who can sign in here. A shared link opens this map for anyone who has it.',
    linkForAnyone: 'Create a link for anyone',
    copyGeoJson: 'Copy GeoJSON',
    geoJsonCopied: 'GeoJSON copied',
    failed: 'Not possible',
  },

  map: {
    title: 'Map',
    view: 'Map view',
    controls: 'Map controls',
    zoomIn: 'Zoom in',
    zoomOut: 'Zoom out',
    wholeImage: 'Show the whole image',
    scaleBar: (length: string) => `Scale bar: ${length}`,
    pointer: 'Position of the pointer',
  },
};

export type Messages = typeof en;
