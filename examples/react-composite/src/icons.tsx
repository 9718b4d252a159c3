/**
 * The few icons that Fluent's controls take from a font of Microsoft's own, as pictures; the library brings
 * its others along.
 */
import { registerIcons } from '@fluentui/react';
import {
  Checkmark16Regular, ChevronDown16Regular, ChevronLeft16Regular, ChevronRight16Regular, ChevronUp16Regular, Dismiss16Regular,
  PeopleAdd20Regular,
} from '@fluentui/react-icons';

registerIcons({
  icons: {
    Cancel: <Dismiss16Regular />,
    CheckMark: <Checkmark16Regular />,
    ChevronDown: <ChevronDown16Regular />,
    ChevronLeft: <ChevronLeft16Regular />,
    ChevronRight: <ChevronRight16Regular />,
    ChevronUp: <ChevronUp16Regular />,
    PeopleAdd: <PeopleAdd20Regular />,
  },
});
