/**
 * The block editor's panel: breaking news, and the note on a correction. Both are metas of the post,
 * saved with it. And where it went in one line, here and after publishing, as panel.js found out: its own
 * box stands far below.
 */
( function ( wp ) {
	'use strict';

	var el = wp.element.createElement;
	var __ = wp.i18n.__;
	// They moved from wp.editPost to wp.editor in WordPress 6.6.
	var home = wp.editor && wp.editor.PluginDocumentSettingPanel ? wp.editor : wp.editPost;

	function useMeta() {
		var state = wp.data.useSelect( function ( select ) {
			var editor = select( 'core/editor' );
			return {
				meta: editor.getEditedPostAttribute( 'meta' ) || {},
				saved: editor.getCurrentPostAttribute( 'meta' ) || {},
				published: editor.isCurrentPostPublished(),
			};
		}, [] );
		var editPost = wp.data.useDispatch( 'core/editor' ).editPost;
		state.set = function ( key, value ) {
			var change = {};
			change[ key ] = value;
			editPost( { meta: change } );
		};
		return state;
	}

	// Who takes the mark away says no; who never set it says nothing.
	function Breaking() {
		var state = useMeta();
		return el( wp.components.CheckboxControl, {
			label: __( 'This is breaking news', 'crier' ),
			checked: state.meta._crier_breaking === 'yes',
			onChange: function ( on ) {
				state.set( '_crier_breaking', on ? 'yes' : state.saved._crier_breaking ? 'no' : '' );
			},
			__nextHasNoMarginBottom: true,
		} );
	}

	function Correction() {
		var state = useMeta();
		if ( ! state.published && ! state.meta._crier_correction ) {
			return null;
		}
		return el( wp.components.TextareaControl, {
			label: __( 'Correction note', 'crier' ),
			help: __( 'What was wrong, when a published article is corrected.', 'crier' ),
			value: state.meta._crier_correction || '',
			maxLength: 500,
			onChange: function ( text ) {
				state.set( '_crier_correction', text );
			},
			__nextHasNoMarginBottom: true,
		} );
	}

	var found = null;

	function Status() {
		var state = wp.element.useState( found );
		wp.element.useEffect( function () {
			function take( event ) {
				found = event.detail;
				state[ 1 ]( found );
			}
			window.addEventListener( 'crier-panel', take );
			return function () {
				window.removeEventListener( 'crier-panel', take );
			};
		}, [] );
		return ! state[ 0 ] ? null : el(
			'div',
			{ className: 'crier-status is-' + state[ 0 ].tone },
			el( 'p', { className: 'crier-panel-line' }, state[ 0 ].summary ),
			el( 'p', null, state[ 0 ].channels.map( function ( channel ) {
				return channel.channel + ': ' + channel.text;
			} ).join( ' · ' ) )
		);
	}

	wp.plugins.registerPlugin( 'crier', {
		icon: 'megaphone',
		render: function () {
			return el(
				wp.element.Fragment,
				null,
				el(
					home.PluginDocumentSettingPanel,
					{ name: 'crier', title: __( 'Breaking news', 'crier' ), className: 'crier-document-panel' },
					el( Breaking ),
					el( Correction ),
					el( Status )
				),
				el(
					home.PluginPrePublishPanel,
					{ title: __( 'Breaking news', 'crier' ), initialOpen: true, className: 'crier-publish-panel' },
					el( Breaking )
				),
				el(
					home.PluginPostPublishPanel,
					{ title: __( 'Where it went (crier)', 'crier' ), initialOpen: true, className: 'crier-published-panel' },
					el( Status )
				)
			);
		},
	} );
} )( window.wp );
